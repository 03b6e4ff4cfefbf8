"""The shared code of the course, in the order in which speech flows through it.

    profiles      every knob of the course
    artifacts     files that one lesson leaves and another reads
    parallel      several processes that learn as one
    devices       the one device that models compute on
    frames        from samples to frames, and how many a label needs
    containers    what a sound file is, and where the sounds in it begin and end
    foreign       sound that only FFmpeg decodes
    audio         how sound is read
    spoken, text  how transcripts are read: numbers and symbols in words, nothing that nobody says
    caches        where fetched files are kept, and the WER as a metric of `evaluate`
    reach         whether the Hub answers
    splits        rows in three parts: to learn from, to choose by, to be scored on
    tables        the rows of a folder of recordings, in any common layout
    folder        your own recordings as a corpus, and what is wrong with them
    corpus        labelled speech, in splits that share no transcript
    processor     samples to `input_values`, transcripts to label ids
    shards        a corpus of any size as tar files
    augment       the same utterance as another call would have recorded it
    collator      utterances of several lengths to one padded batch
    batches       which utterances share a batch
    stream        batches from a stream, which goes on where it was interrupted
    model         a pretrained encoder with a new CTC head, and which parts of it learn
    adapters      few weights beside a frozen model, which learn in its place
    checkpoints   what a run that was cut off left behind
    chunks        sound that is longer than the model reads at once
    training      the head first, then everything
    adaptation    few sentences in seconds: what is frozen runs once, and is kept
    averaging     weights between those before fine-tuning and those after it
    errors        which words and letters went wrong: two texts side by side
    metrics       WER and CER with an interval; comparisons; confidence against what is right
    diagnostics   why a model does not learn
    recipe        all of this as the course does it
    new_language  another language on the same encoder
    report        what a run measured, to be shared
    model_card    what a shared model says of itself
    hub           a model and its card to the Hugging Face Hub
    finished      the fine-tuned model that later lessons use
    inference     a model's logits to text
    train         lesson 05 as a command, in one process or in several
    pace          where the time of a step goes, in one process or in several
    long_form     recordings of any length; when each word was said, and how sure it is
    alignment     a known text in its sound: times, subtitles, and how well it fits
    captions      live, by a window that slides over the sound
    page          a page in the browser that writes down a voice
    export        the model as an ONNX file, which runs without PyTorch
    web_page      a static page around that file, which needs no server behind it
    takes         sentences to read aloud, and what was recorded of them
    recorder      a page that records them
    own_voice     the learner's recordings, or a stand-in's
    whisper       another recogniser, to compare with
    language_model, word_model   what is likely to be said, in letters and in words
    mixture       several language models as one
    beam_search   the best text of all
    decoding      the search as the course does it, its weights chosen on validation
    lm_pipeline   both in the pipeline of transformers

A module imports only from those above it. Beside the flow stand `practice`, which compares what
learners answer, and the package `plots`, which draws what any of them gives, with a module for each
lesson that needs figures of its own. Importing a module changes nothing: no file, no environment
variable, no setting of another library.
"""
