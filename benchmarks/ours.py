"""Our fine-tuned model and its search with a language model, as lessons 05 and 08 leave them."""


def folder():
    """Where the fine-tuned model is: benchmarks.time_to_wer's, or else lesson 05's.

    Raises:
        FileNotFoundError: neither has made one.
    """
    from asr_helpers.artifacts import require
    from asr_helpers.profiles import load_profile
    from benchmarks.time_to_wer import MODEL

    if MODEL.exists():
        return MODEL
    return require(load_profile("offline").artifacts / "05_finetuned", "05")


def load():
    """(model, processor), the model in full precision."""
    import torch
    from transformers import AutoModelForCTC, AutoProcessor  # all that transcribing needs

    model = AutoModelForCTC.from_pretrained(folder(), dtype=torch.float32).eval()
    return model, AutoProcessor.from_pretrained(folder())


def sentences():
    """What the language model counts: (training transcripts, validation's, domain sentences)."""
    from asr_helpers.corpus import load_corpus
    from asr_helpers.language_model import load_domain_text
    from asr_helpers.text import normalize

    corpus = load_corpus()
    spoken = [
        [normalize(text) for text in corpus[split]["transcription"]]
        for split in ("train", "validation")
    ]
    return *spoken, load_domain_text()


def ngram(processor):
    """Lesson 08's language model."""
    from asr_helpers.decoding import course_language_model
    from asr_helpers.profiles import load_profile

    train, validation, _ = sentences()
    return course_language_model(load_profile("offline"), processor, train, validation)


def decoder(processor, model, alpha, beta, beam=None):
    """Lesson 08's search."""
    from asr_helpers.decoding import course_decoder
    from asr_helpers.profiles import load_profile

    return course_decoder(load_profile("offline"), processor, model, alpha, beta, beam)


def measure():
    """{"chosen": [alpha, beta], "validation_wer"}: weights of least (WER, CER) on validation."""
    from asr_helpers.chunks import clip_logits
    from asr_helpers.corpus import load_corpus
    from asr_helpers.decoding import choose_weights
    from asr_helpers.processor import prepare_dataset
    from asr_helpers.profiles import load_profile

    model, processor = load()
    rows = prepare_dataset(load_corpus()["validation"], processor, "en-US")
    logits = [clip_logits(model, processor, row["input_values"]).numpy() for row in rows]
    weights = choose_weights(
        load_profile("offline"), processor, ngram(processor), logits, list(rows["text"])
    )
    chosen = weights.alpha, weights.beta
    return {"chosen": list(chosen), "validation_wer": weights.grid[chosen][0]}
