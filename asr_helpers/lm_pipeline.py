"""The pipeline of `transformers`, with a language model in its decoding."""

import torch
from transformers import AutomaticSpeechRecognitionPipeline


class LanguageModelPipeline(AutomaticSpeechRecognitionPipeline):
    """Speech to text as `pipeline("automatic-speech-recognition", ...)` does it, but decoded by
    `search`, a LanguageModelDecoder. The pipeline itself takes the best token of each frame.

    (The pipeline's own `decoder=` wants pyctcdecode, and goes away in transformers 6.)

        pipeline(
            "automatic-speech-recognition", model=model, tokenizer=processor.tokenizer,
            feature_extractor=processor.feature_extractor,
            pipeline_class=LanguageModelPipeline, search=decoder,
        )

    It returns only text, and refuses the options of the pipeline that ask for more.

    Raises (when called):
        ValueError: it is asked to cut the recording into chunks (`chunk_length_s`): an n-gram
            would see half a sentence. Transcribe long recordings with asr_helpers.long_form. Or
            it is asked for what its search does not give, such as `return_timestamps`.
    """

    def __init__(self, *args, search, **kwargs):
        super().__init__(*args, **kwargs)
        self.search = search

    def _sanitize_parameters(self, chunk_length_s=None, stride_length_s=None, **others):
        asked = sorted(name for name, value in others.items() if value is not None)
        if "return_timestamps" in asked:
            raise ValueError(
                "This pipeline gives no times: leave return_timestamps out, and take word_times of "
                "asr_helpers.long_form."
            )
        if asked:
            raise ValueError(f"This pipeline does not know {', '.join(asked)}: leave it out.")
        return super()._sanitize_parameters(
            chunk_length_s=chunk_length_s, stride_length_s=stride_length_s
        )

    def _forward(self, model_inputs, **_):
        if "stride" in model_inputs:
            raise ValueError(
                "This pipeline reads a recording whole: leave chunk_length_s out, or transcribe "
                "long recordings with asr_helpers.long_form."
            )
        inputs = {n: model_inputs.get(n) for n in (self.model.main_input_name, "attention_mask")}
        logits = self.model(**inputs).logits  # (1, frames, vocab)
        return {"is_last": model_inputs["is_last"], "logits": logits}

    def postprocess(self, model_outputs, **_):
        logits = torch.cat([one["logits"] for one in model_outputs], dim=1)[0]
        return {"text": self.search([logits.float().numpy()])[0]}
