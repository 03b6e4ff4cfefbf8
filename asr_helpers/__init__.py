"""The shared code of the course, in the order in which speech flows through it.

    audio, text   how sound and words are read
    corpus        labelled speech, in splits that share no transcript
    processor     samples to `input_values`, transcripts to label ids
    collator      utterances to padded batches of like length, varied anew each time
    model         a pretrained encoder with a new CTC head
    training      the head first, then everything
    metrics       WER and CER, with an interval
    model_card    what a shared model says of itself
    diagnostics   why a model does not learn
    errors        which words went wrong, and how
    inference     a model's logits to text
    long_form     recordings of any length; when each word was said, and how sure it is
    page          a page in the browser that writes down a voice
    language_model, beam_search   what is likely to be said, and the best text of all
    lm_pipeline   both in the pipeline of transformers

Beside the flow: `profiles` holds every knob, `artifacts` finds what an earlier lesson made, and
`plots` draws what any of them gives, with `plots_preprocess`, `plots_ctc`, `plots_training`,
`plots_evaluate`, `plots_transcribe` and `plots_decode` for single lessons. A module of the flow imports only from
those above it.
"""
