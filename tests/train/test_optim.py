"""Rates, groups and warm-up."""

import pytest
import torch

from handseg.models.library import on_meta
from handseg.models.segmenter import build_model
from handseg.recipe.load import load_recipe
from handseg.recipe.schedule import SHAPES, rate_factor
from handseg.recipe.schema import Data, Model, Optimizer, Recipe
from handseg.train.optim import make_optimizer, set_rate


def factors(name, steps=100, warmup=0):
    return [rate_factor(name, step, steps, warmup) for step in range(steps)]


@pytest.mark.parametrize("name", SHAPES)
def test_a_factor_is_never_below_0_nor_above_1(name):
    for warmup in (0, 10, 200):
        assert all(0 <= factor <= 1 for factor in factors(name, warmup=warmup))


@pytest.mark.parametrize("name", SHAPES)
def test_the_warm_up_rises_evenly_to_the_full_rate(name):
    assert factors(name, warmup=4)[:4] == [0.25, 0.5, 0.75, 1.0]


def test_cosine_and_polynomial_fall_from_the_full_rate_to_nothing():
    for name in ("cosine", "polynomial"):
        values = factors(name)
        assert values[0] == 1
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.02
    assert factors("cosine")[50] == pytest.approx(0.5)


def test_restarts_come_back_to_the_full_rate_four_times():
    values = factors("cosine-restarts")
    assert [step for step, value in enumerate(values) if value == 1] == [0, 25, 50, 75]


def test_one_cycle_rises_for_three_tenths_and_falls():
    values = factors("one-cycle")
    assert values[0] == 0
    assert values.index(max(values)) == 30
    assert values[30:] == sorted(values[30:], reverse=True)


def test_step_divides_by_ten_twice():
    values = [round(value, 4) for value in factors("step")]
    assert (values[0], values[59], values[60], values[85], values[99]) == (1, 1, 0.1, 0.01, 0.01)


@pytest.fixture
def model():
    recipe = Recipe(
        model=Model("smp", "unet", "resnet18", weights="none"), data=Data(size=64, channels=1)
    )
    return build_model(recipe, 3)


def test_the_decoder_learns_faster_than_the_encoder_and_norms_do_not_decay(model):
    spec = Optimizer(lr=1e-3, head_lr=10.0, weight_decay=0.05)
    optimizer = make_optimizer(model, spec)
    found = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    assert len(found) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        group = found[id(parameter)]
        inside = name.startswith("network.encoder.")
        assert group["lr"] == pytest.approx(1e-3 if inside else 1e-2)
        assert group["weight_decay"] == (0.05 if parameter.ndim > 1 else 0.0)


@pytest.mark.parametrize(
    ("recipe", "blocks", "first", "last"),
    [
        # Swin tiny: 2, 2, 6 and 2 blocks, three that join stages, the patches and the last norms.
        ("upernet-swin-tiny", 17, "embeddings.patch_embeddings", "layers.3.blocks.1"),
        # ViT of 12 blocks, the patches and the last norm.
        ("eomt", 14, "embeddings.position", "layers.11."),
        ("segformer", 16, "stages.0.patch_embeddings", "stages.3.blocks.1"),
        ("segformer-smp", 16, "patch_embed1", "block4.1"),
        ("unetpp-gernet-l", 19, "stem.", "stages_4.3"),
    ],
)
def test_each_block_of_the_encoder_learns_slower_than_the_one_behind_it(
    recipe, blocks, first, last
):
    with on_meta():
        model = build_model(load_recipe(recipe).recipe, 3, weights="none")
    optimizer = make_optimizer(model, Optimizer(lr=1.0, head_lr=2.0, layer_decay=0.8))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in model.named_parameters()}
    inside = {name: rate for name, rate in found.items() if model.is_encoder(name)}
    assert {rate for name, rate in found.items() if name not in inside} == {2.0}
    steps = sorted(set(inside.values()), reverse=True)
    assert steps == pytest.approx([0.8**power for power in range(1, blocks + 1)])
    assert {rate for name, rate in inside.items() if first in name} == {steps[-1]}
    assert max(rate for name, rate in inside.items() if last in name) >= steps[1]
    assert set_rate(optimizer, 1.0, 0.0) == steps[0]


def test_the_momentum_of_sgd_is_the_recipe_s(model):
    for spec, momentum in (
        (Optimizer(name="sgd"), 0.9),
        (Optimizer(name="sgd", momentum=0.99), 0.99),
    ):
        groups = make_optimizer(model, spec).param_groups
        assert {(group["momentum"], group["nesterov"]) for group in groups} == {(momentum, True)}


def test_every_group_moves_between_its_full_rate_and_the_least(model):
    optimizer = make_optimizer(model, Optimizer(lr=1e-3, head_lr=10.0))
    assert set_rate(optimizer, 1.0, 1e-5) == pytest.approx(1e-3)
    assert {round(group["lr"], 9) for group in optimizer.param_groups} == {1e-3, 1e-2}
    set_rate(optimizer, 0.0, 1e-5)
    assert {group["lr"] for group in optimizer.param_groups} == {1e-5}


@pytest.mark.parametrize("name", ["adamw", "adam", "nadamw", "radam", "lamb", "lion", "sgd"])
def test_every_optimiser_of_the_schema_is_there(model, name):
    assert make_optimizer(model, Optimizer(name=name)).param_groups


def test_a_first_step_that_is_not_taken_leaves_the_momentum_of_sgd_at_nothing(model):
    optimizer = make_optimizer(model, Optimizer(name="sgd", lr=1.0, weight_decay=0.0))
    # Memory that somebody has used before is given out again as it is.
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    used = [torch.full_like(parameter, torch.nan) for parameter in model.parameters()]
    del used
    optimizer.found_inf = torch.tensor(1.0)
    optimizer.step()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.found_inf = torch.tensor(0.0)
    optimizer.step()
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    moments = [state["momentum_buffer"] for state in optimizer.state.values()]
    assert all((moment == 1).all() for moment in moments)
