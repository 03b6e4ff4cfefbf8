from dataclasses import FrozenInstanceError

import pytest
import torch

from asr_helpers.corpus import EMBEDDED, PART
from asr_helpers.profiles import PROFILES, load_profile
from asr_helpers.training import training_arguments


def test_each_profile_bears_its_name():
    assert {name: load_profile(name).name for name in PROFILES} == {name: name for name in PROFILES}


def test_smoke_is_offline_in_fewer_steps_with_a_part_of_the_corpus():
    offline, smoke = load_profile("offline"), load_profile("smoke")
    assert smoke.max_steps < 10 < offline.max_steps
    assert smoke.corpus == PART and offline.corpus == EMBEDDED
    assert smoke.base_model == offline.base_model
    assert smoke.artifacts != offline.artifacts


def test_a_profile_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        load_profile("offline").seed = 1


def test_only_what_was_measured_claims_to_learn():
    assert [name for name in PROFILES if load_profile(name).measured] == ["offline"]


def test_the_guides_preset_holds_the_guides_values(tmp_path):
    guide, hub = load_profile("hub-guide"), load_profile("hub")
    arguments = training_arguments(guide, tmp_path)
    wanted = dict(
        per_device_train_batch_size=8, gradient_accumulation_steps=2, learning_rate=1e-5,
        warmup_steps=500, max_steps=2000, gradient_checkpointing=True, eval_steps=1000,
        save_steps=1000, metric_for_best_model="wer", load_best_model_at_end=True,
        train_sampling_strategy="group_by_length", length_column_name="input_length",
        lr_scheduler_type="linear",
    )  # fmt: skip
    assert {name: getattr(arguments, name) for name in wanted} == wanted
    assert guide.share_as and (guide.corpus, guide.revision) == (hub.corpus, hub.revision)
    assert arguments.fp16 <= torch.cuda.is_available()  # float16 where there is a GPU


def test_an_unknown_profile_lists_the_known():
    with pytest.raises(ValueError, match="'ofline'.*offline, smoke"):
        load_profile("ofline")


def test_hub_is_pinned_and_its_smoke_is_the_same_in_fewer_steps():
    hub, smoke = load_profile("hub"), load_profile("hub_smoke")
    assert len(hub.revision) == 40 and "/" in hub.corpus and "/" in hub.base_model
    assert smoke.max_steps < 10 < hub.warmup_steps < hub.max_steps
    assert (smoke.corpus, smoke.revision, smoke.base_model, smoke.learning_rate) == (
        hub.corpus, hub.revision, hub.base_model, hub.learning_rate,
    )  # fmt: skip
    assert len({load_profile(name).artifacts for name in PROFILES}) == len(PROFILES)
    assert load_profile("offline").revision is None


@pytest.mark.parametrize("name", PROFILES)
def test_every_profiles_knobs_are_possible(name, tmp_path):
    profile = load_profile(name)
    arguments = training_arguments(profile, tmp_path)
    assert arguments.max_steps % arguments.eval_steps == 0
    assert profile.warmup_steps + profile.decay_steps <= profile.max_steps
    assert bool(profile.decay_steps) == (profile.schedule == "warmup_stable_decay")
    assert profile.equal_seconds or not profile.vary
    assert profile.masks["mask_time_min_masks"] == 0


def test_hub_learns_as_much_as_it_was_planned_to():
    hub = load_profile("hub")
    assert 180 <= hub.batch_seconds * hub.accumulation <= 200  # s an update
    assert 3000 <= hub.max_steps <= 4000 and hub.new_layers in (1, 2)
    assert 0.05 <= hub.mask_time_prob <= 0.2 and 0.05 <= hub.mask_feature_prob <= 0.1
    assert hub.stop_from >= 0.5


def test_hub_quick_goes_on_with_a_recognisers_head():
    quick, hub = load_profile("hub-quick"), load_profile("hub")
    assert quick.keep_head and not quick.head_steps and not quick.new_layers
    assert quick.base_model.endswith("960h") and quick.max_steps <= hub.max_steps / 10


def test_the_grids_of_decoding_hold_zero():
    settings = load_profile("offline").decoding
    assert settings.alphas[0] == 0 and 0.0 in settings.betas
    assert settings.beam == max(settings.beams) and 0 < settings.hot_share < 1
