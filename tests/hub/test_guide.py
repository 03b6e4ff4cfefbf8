"""The public guide that this course grew from, step by step as it is written, against a local Hub.

The names are today's, and the course's `Audio` and collator stand in for the guide's, which fail.
The names taken from `asr_helpers` are the only difference from a reader's own notebook. The steps
have the numbers that docs/guide.md gives them.
"""

import json
import re

import pytest
from huggingface_hub import ModelCard

pytestmark = [pytest.mark.hub, pytest.mark.slow]
MARKED = "hf_MARKEDmarkedMARKED"
STEPS = """
import json, os
from datasets import load_dataset
from transformers import AutoModelForCTC, AutoProcessor, Trainer, TrainingArguments, pipeline
from asr_helpers.audio import Audio
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.metrics import trainer_metrics
from asr_helpers.training import best_tokens
import torch

seen = {}
# Step 3
minds = load_dataset("PolyAI/minds14", name="en-US", split="train[:100]")
# Step 4
minds = minds.train_test_split(test_size=0.2, seed=42)
# Step 5
minds = minds.remove_columns(["english_transcription", "intent_class", "lang_id"])
seen["rows"] = {name: len(rows) for name, rows in minds.items()}

# Step 6
processor = AutoProcessor.from_pretrained("facebook/wav2vec2-base")
# Step 7
minds = minds.cast_column("audio", Audio(sampling_rate=16_000))
seen["rate"] = minds["train"][0]["audio"]["sampling_rate"]


# Step 8
def uppercase(example):
    return {"transcription": example["transcription"].upper()}


# Step 9
def prepare_dataset(batch):
    audio = batch["audio"]
    batch = processor(audio["array"], sampling_rate=audio["sampling_rate"],
                      text=batch["transcription"])
    batch["input_values"] = batch["input_values"][0]
    batch["input_length"] = len(batch["input_values"])
    return batch


minds = minds.map(uppercase)
encoded = minds.map(prepare_dataset, remove_columns=minds.column_names["train"], num_proc=4)

# Step 13
model = AutoModelForCTC.from_pretrained(
    "facebook/wav2vec2-base", ctc_loss_reduction="mean",
    pad_token_id=processor.tokenizer.pad_token_id,
)
# Step 14
training_args = TrainingArguments(
    output_dir="OUT/my_awesome_asr_mind_model", hub_model_id="ann/my_awesome_asr_mind_model",
    per_device_train_batch_size=8, gradient_accumulation_steps=2, learning_rate=1e-5,
    warmup_steps=1, max_steps=2, gradient_checkpointing=True, fp16=torch.cuda.is_available(),
    train_sampling_strategy="group_by_length", length_column_name="input_length",
    eval_strategy="steps", per_device_eval_batch_size=8, save_steps=2, eval_steps=2,
    logging_steps=1, load_best_model_at_end=True, metric_for_best_model="wer",
    greater_is_better=False, push_to_hub=True, report_to="none", disable_tqdm=True,
    use_cpu=not torch.cuda.is_available(), hub_strategy="end",
)
trainer = Trainer(
    model=model, args=training_args, train_dataset=encoded["train"],
    eval_dataset=encoded["test"], processing_class=processor,
    data_collator=DataCollatorCTCWithPadding(processor),  # Step 10
    compute_metrics=trainer_metrics(processor),  # Step 12
    preprocess_logits_for_metrics=best_tokens,
)
trainer.train()
# Step 15
trainer.push_to_hub()
model.lm_head.bias.data += 0.1
trainer.push_to_hub(commit_message="Again")

# Step 16
example = minds["test"][0]["audio"]
speech = pipeline("automatic-speech-recognition", model="ann/my_awesome_asr_mind_model")
seen["pipeline"] = speech({"array": example["array"], "sampling_rate": 16_000})["text"]
# Step 17
inputs = AutoProcessor.from_pretrained("ann/my_awesome_asr_mind_model")(
    example["array"], sampling_rate=16_000, return_tensors="pt"
)
model = AutoModelForCTC.from_pretrained("ann/my_awesome_asr_mind_model")
with torch.no_grad():
    logits = model(**inputs).logits
seen["by hand"] = processor.batch_decode(torch.argmax(logits, dim=-1))[0]
print(json.dumps(seen))
"""


def test_each_step_of_the_guide_runs_as_written(local_hub, client, tmp_path):
    local_hub.tokens[MARKED] = ("ann", "write")
    told = client(local_hub, STEPS.replace("OUT", str(tmp_path)), HF_TOKEN=MARKED)
    assert not told.returncode, told.stderr[-3000:]
    seen = json.loads(told.stdout.splitlines()[-1])
    assert seen["rows"] == {"train": 80, "test": 20} and seen["rate"] == 16_000
    assert seen["pipeline"].strip() == seen["by hand"].strip()
    repository = local_hub.repositories["models", "ann/my_awesome_asr_mind_model"]
    titles = [title for _, title, _ in repository.commits]
    assert titles[-1] == "Again" and len(titles) >= 3
    arrived = local_hub.files("ann/my_awesome_asr_mind_model")
    assert {"config.json", "model.safetensors", "vocab.json", "README.md"} <= set(arrived)
    card = ModelCard(arrived["README.md"].decode())
    assert re.search(r"^- Wer: [01]\.\d+$", card.text, re.MULTILINE), card.text
    assert not any(MARKED.encode() in data for data in arrived.values())
    assert MARKED not in told.stdout + told.stderr
    assert not local_hub.unknown
