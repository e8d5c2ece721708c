"""Layer 2: what is well written but cannot be."""

import pytest

from handseg.recipe.faults import RecipeError
from handseg.recipe.load import load_recipe


def faults(name, *sets):
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, sets)
    return [f"{fault.key}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("name", "sets", "message"),
    [
        ("segformer", ["data.size=1000"], "a multiple of 32, not 1000 (did you mean 992 or 1024?)"),
        ("segformer", ["model.encoder=mit-b9"], "transformers has no encoder mit-b9"),
        ("segformer", ["model.encoder=mit-b2"], "mit-b2 has no weights nvidia/mit-b0"),
        ("segformer", ["model.weights=imagenet"], "mit-b0 has no weights imagenet"),
        ("segformer", ["model.options={depth=[1]}"], "no such argument (did you mean depths?)"),
        ("segformer", ["model.init=runs/a"], "model.init: excludes model.weights"),
        ("segformer", ["model.library=smp"], "model.encoder: smp has no encoder mit-b0 (did you"),
        ("unet", ["model.architecture=unett"], "smp has no unett, but deeplabv3"),
        (
            "unet",
            ["model.weights=imagnet"],
            "but imagenet, ssl, swsl, none, OWNER/NAME of the hub or a p",
        ),
        ("unet", ["model.options.decoder_use_norm=3"], "must be true or false, a string or a tab"),
        ("unet", ["model.options.classes=3"], "model.options.classes: there is no such argument"),
        ("unetpp", ["model.encoder=mit_b0"], "unetplusplus cannot be built on mit_b0"),
        (
            "deeplabv3",
            ["model.encoder=vgg11"],
            "cannot be built on vgg11, which cannot keep a stride of 8",
        ),
        ("deeplabv3", ["data.size=1001"], "a multiple of 8, not 1001"),
        ("unetpp", ["predict.mode=slide", "predict.window=500"], "predict.window: unetplusplus n"),
        ("segformer", ["data.normalize={ mean = [0, 1], std = [1] }"], "one figure each, or three"),
        ("segformer", ["loss.bce=0", "loss.dice=0"], "loss: some weight must be above zero"),
        ("segformer", ["loss.options={ dice = { smooth = 1 } }"], "loss.options.dice.smooth: the"),
        ("segformer", ["loss.schedule={ dice = [[0.5, 1], [0.2, 1]] }"], "shares rising"),
        ("segformer", ["optimizer.lr=1e-8"], "schedule.min_lr: must be below optimizer.lr"),
        (
            "dpt",
            ["model.encoder=swin-tiny", "model.weights=none"],
            "built on swin-tiny, but on vit-base or vit-large",
        ),
        ("segformer", ["loss.auxiliary=0.4"], "segformer of transformers has no auxiliary head"),
        (
            "segformer",
            ["loss.overlap_weight=2", "loss.bce=0"],
            "counts in bce, focal and topk alone",
        ),
        ("segformer", ["optimizer.momentum=0.99"], "adamw has none: it is of sgd"),
        ("unet", ["augment.rotate.swap={ a = 'b' }"], "is for what always mirrors: HorizontalFlip"),
        ("unet", ["augment.flip.swap={ a = 'a' }"], "names a class twice"),
        ("unet", ["augment.flip.swap=3"], "must be pairs of classes"),
        ("segformer", ["train.micro_batch=9"], "at most train.batch_size, which is 8"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(name, sets, message):
    (fault,) = faults(name, *sets)
    assert message in fault


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["augment.flip.transform=Morphological"], "cannot be used: it grows and shrinks"),
        (["augment.flip.transform=GridElasticDeform"], "cannot be used: it interpolates"),
        (["augment.flip.transform=MaskDropout"], "cannot be used: it drops connected parts"),
        (["augment.flip.transform=RandomCrop"], "it is not among the transforms that keep"),
        (["augment.flip.transform=Normalize"], "data.normalize says it"),
        (["augment.flip.transform=RandomRain"], "radiographs are grey"),
        (["augment.flip.transform=HorizontalFlp"], "(did you mean HorizontalFlip?)"),
        (["augment.rotate.rotat=[1, 2]"], "augment.rotate.rotat: there is no such argument (did"),
        (["augment.rotate.shear=none"], "must be an array, a number or a table"),
        (["augment.rotate.rotate_method=box"], "must be 'ellipse' or 'largest_box'"),
        (["augment.rotate.fill_mask=1"], "augment.rotate.fill_mask: belongs to the adapter"),
        (["augment.rotate.mask_interpolation=1"], "belongs to the adapter, which keeps labels"),
    ],
)
def test_a_transform_is_one_that_keeps_labels_exact_with_arguments_it_has(sets, message):
    (fault,) = faults("segformer", *sets)
    assert message in fault


def test_all_faults_of_the_layer_are_told_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        'extends = "unetpp.toml"\n[model]\nencoder = "mit_b0"\n[data]\nsize = 1000\n'
        '[augment.rotate]\nfill = 3\n[augment.last]\ntransform = "Lambda"\n'
    )
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe("own.toml")
    assert [str(fault) for fault in caught.value.faults] == [
        "own.toml:3  model.encoder: unetplusplus cannot be built on mit_b0",
        "own.toml:5  data.size: unetplusplus needs a multiple of 32, not 1000 "
        "(did you mean 992 or 1024?)",
        "own.toml:7  augment.rotate.fill: belongs to the adapter, which keeps labels exact",
        "own.toml:9  augment.last.transform: Lambda cannot be used: a recipe holds no code",
    ]


@pytest.mark.parametrize(
    "sets",
    [
        ["model.encoder=tu-resnest50d"],
        ["data.size=1001"],  # SMP's UNet pads
        ["model.weights=weights/own.safetensors"],
        ["model.weights=none", "model.init=runs/unet-1"],
        ["loss.bce=0", "loss.dice=0", "loss.schedule={ dice = [[0, 0.3], [1, 0.9]] }"],
        ["loss.focal=1", "loss.options={ focal = { gamma = 3 } }"],
        ["model.library=torchvision", "model.architecture=fcn"],
        ["train.epochs=1"],
    ],
)
def test_what_can_be_passes(sets):
    assert load_recipe("unet", sets).recipe.model


def test_a_run_to_begin_from_needs_no_word_on_weights(tmp_path):
    (tmp_path / "own.toml").write_text('[model]\ninit = "runs/segformer-1"\n')
    assert load_recipe(str(tmp_path / "own.toml")).recipe.model.weights == "none"


def test_a_strided_encoder_bounds_the_size_by_its_options():
    shallow = ["model.options={ encoder_depth = 4, decoder_channels = [64, 32, 16, 8] }"]
    assert load_recipe("unetpp", [*shallow, "data.size=1008"]).recipe.data.size == 1008
    assert "a multiple of 16" in faults("unetpp", *shallow, "data.size=1000")[0]
