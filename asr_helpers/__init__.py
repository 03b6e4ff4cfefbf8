"""The shared code of the course, in the order of the data flow.

    profiles      every setting of the course
    artifacts     files that one lesson leaves and another reads
    parallel      several processes that work together
    devices       the one device that models compute on
    frames        from samples to frames, and how many frames a label needs
    containers    what a sound file is, and where the sounds in it begin and end
    foreign       sound that only FFmpeg decodes
    audio         reading a sound file
    spoken, text  transcripts as they are spoken: numbers and symbols in words, no punctuation
    caches        where fetched files are kept; it also loads the course's metric for `evaluate`
    reach         whether the Hub answers
    splits        rows in three parts: to fit, to choose and to score
    tables        the rows of a folder of recordings, in any common layout
    folder        your own recordings as a corpus, and what is wrong with them
    corpus        labelled speech, in splits that share no transcript
    processor     samples to `input_values`, transcripts to label ids
    shards        a corpus of any size as tar files
    augment       variations of an utterance, as if it came from another telephone call
    collator      utterances of several lengths padded to one batch
    batches       which utterances share a batch
    stream        batches from a stream, which can be interrupted and resumed
    model         a pretrained encoder with a new CTC head, and which parts are trained
    adapters      adapters and LoRA: a few trainable weights in a frozen model
    checkpoints   the checkpoints of a run that was interrupted
    chunks        sound that is longer than the model reads at once
    training      the head first, then everything
    adaptation    fast fine-tuning on few sentences: the frozen part runs once
    errors        which words and letters are wrong: two texts, aligned
    metrics       WER and CER with an interval, comparisons, and the calibration of confidence
    averaging     weights between those before fine-tuning and those after it
    diagnostics   why a model does not learn
    recipe        the course's recipe, which puts these parts together
    new_language  another language on the same encoder
    report        what a run measured, to be shared
    model_card    the model card of a shared model
    hub           pushing a model and its card to the Hugging Face Hub
    finished      the fine-tuned model that later lessons use
    inference     from sound to text with a trained model
    train         lesson 05 as a command, in one process or in several
    pace          the time of each part of a step, in one process or in several
    long_form     recordings of any length; the time and the confidence of each word
    alignment     forced alignment of a known text: times, subtitles, and how well the text fits
    captions      live captions, with a window that slides over the sound
    page          a page in the browser that transcribes a recording
    export        the model as an ONNX file, which runs without PyTorch
    web_page      a static page around that file, which needs no server behind it
    takes         sentences to read aloud, and their recordings
    recorder      a page that records them
    own_voice     the recordings of the learner, or of a stand-in voice
    whisper       Whisper, to compare with
    language_model, word_model   what is likely to be said, in letters and in words
    mixture       several language models as one
    beam_search   CTC prefix beam search with a language model
    decoding      the course's beam search, with weights chosen on validation
    lm_pipeline   model and beam search as a `pipeline` of the library `transformers`

A module imports only from modules above it. Two are not part of the data flow: `practice` checks the
answers of learners, and the package `plots` draws figures, with a module for each lesson that needs its
own figures. Importing a module changes nothing: no file, no environment
variable, no setting of another library.
"""
