"""The card of a shared model: what it is, its training data, and its scores."""

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from asr_helpers.report import in_code, in_text, without_place

TEXT = """\
---
{{ card_data }}
---

# {{ title }}

A Wav2Vec2 with a CTC head, fine-tuned from {{ base }} on the {{ language }} part of
{{ corpus }}: {{ train_clips }} utterances, {{ train_minutes }} minutes.

| test split | |
|---|---|
| utterances | {{ test_clips }} |
| WER, as a fraction | {{ wer }} |
| its 95 % interval (bootstrap over utterances) | {{ low }} to {{ high }} |
| CER, as a fraction | {{ cer }} |

Each utterance was transcribed alone, greedily, and scored after normalisation. The checkpoint,
and how much of fine-tuning's change is kept, were chosen on the validation split; no transcript is
in two splits.

## Use it

It reads mono speech at {{ rate }} Hz with mean 0 and variance 1, and writes upper-case words:
`pipeline("automatic-speech-recognition", model=...)`.

## What it is not

The scores above are of the speech named above. They say nothing about other voices, other lines and
other subjects: expect more errors there.
"""


def model_card(profile, metrics, train, test, licence):
    """A ModelCard with the measured scores, in the text and in the metadata for the Hub.

    Args:
        profile: tells the base model, the corpus and its language.
        metrics: wer, cer, wer_low and wer_high, as fractions, on the test split.
        train, test: the prepared splits.
        licence: an identifier such as "cc-by-sa-3.0"; it follows from the licences of the corpus
            and the base model.

    Raises:
        ValueError: the WER lies outside its interval.
    """
    if not metrics["wer_low"] <= metrics["wer"] <= metrics["wer_high"]:
        raise ValueError(
            f"WER {metrics['wer']} lies outside its interval {metrics['wer_low']} to "
            f"{metrics['wer_high']}: take both from the same predictions."
        )
    base = profile.base_model.rstrip("/").split("/")[-1]
    corpus, language = without_place(profile.corpus), in_text(profile.language)
    score = dict(
        task_type="automatic-speech-recognition", dataset_type=corpus,
        dataset_name=corpus, dataset_config=profile.language, dataset_split="test",
    )  # fmt: skip
    data = ModelCardData(
        language=profile.language.split("-")[0], license=licence, library_name="transformers",
        tags=["wav2vec2", "ctc"], pipeline_tag="automatic-speech-recognition",
        model_name=f"{base}-{profile.language}",
        eval_results=[
            EvalResult(metric_type=name, metric_value=round(metrics[name], 4), **score)
            for name in ("wer", "cer")
        ],
    )  # fmt: skip
    return ModelCard.from_template(
        data, template_str=TEXT, title=in_text(data.model_name), base=in_code(base),
        language=language, corpus=in_code(corpus), train_clips=len(train), test_clips=len(test),
        train_minutes=round(sum(train["input_length"]) / profile.sampling_rate / 60, 1),
        wer=f"{metrics['wer']:.3f}", cer=f"{metrics['cer']:.3f}", rate=profile.sampling_rate,
        low=f"{metrics['wer_low']:.3f}", high=f"{metrics['wer_high']:.3f}",
    )  # fmt: skip
