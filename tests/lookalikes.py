"""Folders with the form of what the course reads from the Hub, and none of its content."""

import json
from io import BytesIO

import datasets
import soundfile
import torch
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard, DatasetCardData
from safetensors.torch import save_file
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining

from asr_helpers.audio import Audio
from asr_helpers.corpus import load_corpus

INTENTS = (
    "abroad address app_error atm_limit balance business_loan card_issues cash_deposit direct_debit "
    "freeze high_value_payment joint_account latest_transactions pay_bill"
).split()
LANGUAGES = (
    "cs-CZ de-DE en-AU en-GB en-US es-ES fr-FR it-IT ko-KR nl-NL pl-PL pt-PT ru-RU zh-CN"
).split()
# Transcripts as people and forms leave them: {row: text}. Those that can be said come first; the guide
# reads the first hundred rows and calls `.upper()` on each. The last five cannot be said.
ODD = {
    3: "I’d like to pay\u00a0£25 by direct debit", 7: "\ufeffhi um... can you, can you check it?\n",
    11: "MY CARD ENDS IN 0422!!", 15: "whats the atm fee at 7-eleven & co 😀", 19: "cafés abroad",
    23: "", 27: " ... ", 102: None, 106: "[unintelligible]", 110: "саn I pay it off",
}  # fmt: skip
UNSAID = [row for row in ODD if row >= 23]
VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def minds14(folder, rows=120, note=""):
    """The shape of PolyAI/minds14 since it is Parquet: a folder a language and a README.

    Holds sentences of the embedded corpus, shuffled, as WAV of 8 kHz and 8 bits (mu-law): the real
    file has 34.2 MB for about 71 minutes, a byte a sample. Some English transcripts are odd or empty
    (`ODD`). Italian and Russian have a third as many rows.
    """
    infos, configs = {}, []
    for language, wanted in (("en-US", rows), ("it-IT", rows // 3), ("ru-RU", rows // 3)):
        odd = ODD if language == "en-US" else {}
        made = _minds14_language(language, wanted, note, odd)
        (folder / language).mkdir(parents=True)
        made.to_parquet(folder / language / "train-00000-of-00001.parquet")
        info = made.info.copy()
        info.config_name, info.splits = language, datasets.SplitDict()
        info.splits.add(datasets.SplitInfo("train", num_examples=len(made)))
        files = [{"split": "train", "path": f"{language}/train-*"}]
        configs.append({"config_name": language, "data_files": files})
        infos[language] = info
    data = DatasetCardData(configs=configs)
    DatasetInfosDict(infos).to_dataset_card_data(data)
    DatasetCard(f"---\n{data.to_yaml()}\n---\n# MInDS-14\n").save(folder / "README.md")
    return folder


def _minds14_language(language, rows, note, odd):
    """The rows of one language."""
    splits = load_corpus("telephone-prompts", language).values()
    spoken = datasets.concatenate_datasets(list(splits)).shuffle(seed=0)
    short = [i for i, text in enumerate(spoken["transcription"]) if 12 < len(text) < 70][:rows]
    features = datasets.Features(
        path=datasets.Value("string"), audio=Audio(sampling_rate=8000),
        transcription=datasets.Value("string"), english_transcription=datasets.Value("string"),
        intent_class=datasets.ClassLabel(names=INTENTS),
        lang_id=datasets.ClassLabel(names=LANGUAGES),
    )  # fmt: skip
    table = {name: [] for name in features}
    for number, row in enumerate(spoken.select(short)):
        sound, intent = BytesIO(), number % len(INTENTS)
        soundfile.write(sound, row["audio"]["array"], 8000, format="WAV", subtype="ULAW")
        path = f"{language}~{INTENTS[intent].upper()}/{number:024x}.wav"
        text = odd.get(number, row["transcription"] + note * (number == 0))
        values = (path, {"bytes": sound.getvalue(), "path": path}, text, text, intent)
        for name, value in zip(features, (*values, LANGUAGES.index(language))):
            table[name].append(value)
    return datasets.Dataset.from_dict(table, features=features)


def wav2vec2_base(folder, safetensors=True):
    """The files and config keys of facebook/wav2vec2-base, tiny, with random weights."""
    return _wav2vec2(folder, Wav2Vec2ForPreTraining, safetensors)


def wav2vec2_base_960h(folder):
    """The same of facebook/wav2vec2-base-960h, which is fine-tuned: it has a head over letters."""
    return _wav2vec2(folder, Wav2Vec2ForCTC, safetensors=True)


def _wav2vec2(folder, kind, safetensors):
    folder.mkdir(parents=True)
    config = dict(
        activation_dropout=0.0, apply_spec_augment=True, architectures=[kind.__name__],
        attention_dropout=0.1, bos_token_id=1, codevector_dim=8,
        contrastive_logits_temperature=0.1, conv_bias=False, conv_dim=[16] * 7,
        conv_kernel=[10, 3, 3, 3, 3, 2, 2], conv_stride=[5, 2, 2, 2, 2, 2, 2],
        ctc_loss_reduction="sum", ctc_zero_infinity=False, diversity_loss_weight=0.1,
        do_stable_layer_norm=False, eos_token_id=2, feat_extract_activation="gelu",
        feat_extract_norm="group", feat_proj_dropout=0.1, feat_quantizer_dropout=0.0,
        final_dropout=0.0, freeze_feat_extract_train=True, hidden_act="gelu", hidden_dropout=0.1,
        hidden_size=96, initializer_range=0.02, intermediate_size=96, layer_norm_eps=1e-05,
        layerdrop=0.05, mask_channel_length=10, mask_channel_min_space=1, mask_channel_other=0.0,
        mask_channel_prob=0.0, mask_channel_selection="static", mask_feature_length=10,
        mask_feature_prob=0.0, mask_time_length=10, mask_time_min_space=1, mask_time_other=0.0,
        mask_time_prob=0.05, mask_time_selection="static", model_type="wav2vec2",
        no_mask_channel_overlap=False, no_mask_time_overlap=False, num_attention_heads=2,
        num_codevector_groups=2, num_codevectors_per_group=4, num_conv_pos_embedding_groups=4,
        num_conv_pos_embeddings=16, num_feat_extract_layers=7, num_hidden_layers=2,
        num_negatives=100, pad_token_id=0, proj_codevector_dim=8,
        transformers_version="4.7.0.dev0", vocab_size=32,
    )  # fmt: skip
    extractor = dict(
        do_normalize=True, feature_extractor_type="Wav2Vec2FeatureExtractor", feature_size=1,
        padding_side="right", padding_value=0.0, return_attention_mask=False, sampling_rate=16000,
    )  # fmt: skip
    tokenizer = SPECIAL | {"do_lower_case": False, "word_delimiter_token": "|"}
    for name, value in {
        "config": config, "preprocessor_config": extractor, "special_tokens_map": SPECIAL,
        "tokenizer_config": tokenizer,
        "vocab": {token: number for number, token in enumerate(VOCABULARY)},
    }.items():  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1), encoding="utf-8")
    torch.manual_seed(0)
    weights = kind(Wav2Vec2Config(**config)).state_dict()
    # As torch named them when the real file was written.
    new, old = "parametrizations.weight.original", "weight_"
    named = {
        k.replace(f"{new}0", f"{old}g").replace(f"{new}1", f"{old}v"): v for k, v in weights.items()
    }
    torch.save(named, folder / "pytorch_model.bin")
    if safetensors:
        save_file(named, folder / "model.safetensors", {"format": "pt"})
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Look-alike\n")
    return folder
