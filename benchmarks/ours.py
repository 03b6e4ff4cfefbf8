"""Our fine-tuned model and its search with a language model, as lessons 05 and 08 leave them."""

import itertools


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
    """What the n-gram counts: (training transcripts, domain sentences)."""
    from asr_helpers.corpus import load_corpus
    from asr_helpers.language_model import load_domain_text
    from asr_helpers.text import normalize

    spoken = [normalize(text) for text in load_corpus()["train"]["transcription"]]
    return spoken, load_domain_text()


def ngram():
    """Lesson 08's WordModel."""
    from asr_helpers.beam_search import Settings
    from asr_helpers.language_model import CharacterModel
    from asr_helpers.word_model import WordModel

    settings, (spoken, domain) = Settings(), sentences()
    sources = [(spoken, settings.train_weight), (domain, 1)]
    return WordModel(settings.words, sources, CharacterModel(settings.order, sources))


def decoder(processor, model, alpha, beta, beam):
    """Lesson 08's LanguageModelDecoder."""
    from asr_helpers.beam_search import LanguageModelDecoder, Settings, characters

    settings, tokenizer = Settings(), processor.tokenizer
    return LanguageModelDecoder(
        characters(tokenizer), tokenizer.pad_token_id, model, alpha, beta, beam,
        settings.token_floor, settings.prefix_floor,
    )  # fmt: skip


def measure():
    """{"chosen": [alpha, beta], "validation_wer"}: the weights with the least (WER, CER) there."""
    import torch

    from asr_helpers.beam_search import Settings
    from asr_helpers.corpus import load_corpus
    from asr_helpers.metrics import cer, wer
    from asr_helpers.processor import prepare_dataset

    model, processor = load()
    rows = prepare_dataset(load_corpus()["validation"], processor, "en-US")
    with torch.inference_mode():
        logits = [model(torch.tensor(row["input_values"])[None]).logits[0].numpy() for row in rows]
    settings, counted, texts, grid = Settings(), ngram(), list(rows["text"]), {}
    for alpha, beta in itertools.product(settings.alphas, settings.betas):
        said = decoder(processor, counted, alpha, beta, settings.grid_beam)(logits)
        grid[alpha, beta] = (wer(texts, said), cer(texts, said))
    chosen = min(grid, key=grid.get)
    return {"chosen": list(chosen), "validation_wer": grid[chosen][0]}
