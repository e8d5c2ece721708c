"""What a training draws from: its samples, prepared, and their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from handseg.data.cache import CachedDataset, build_cache
from handseg.data.dataset import Sample
from handseg.data.storage import cache_root
from handseg.recipe.load import LoadedRecipe
from handseg.reporter import Reporter
from handseg.text import size_text
from handseg.train.order import EpochSampler
from handseg.train.world import World


@dataclass(frozen=True)
class Parts:
    """The prepared samples of a training."""

    training: tuple[CachedDataset, ...]
    """Whole images: those of the data set, then those of further sets."""
    crops: CachedDataset | None
    validation: CachedDataset


def prepare_parts(loaded: LoadedRecipe, world: World, reporter: Reporter) -> Parts:
    """Prepare images and crops; every fold and share of the data shares the same files."""
    size = loaded.recipe.data.size
    own = set(world.dataset.train)
    whole = prepare_said(world.dataset.train, world, size, "images", reporter)
    training = [whole.only([sample for sample in world.training if sample in own])]
    further = [sample for sample in world.training if sample not in own]
    if further:
        training.append(prepare_said(further, world, size, "further images", reporter))
    crops = None
    if world.crops:
        # All of them, not those of the people trained on: the folds share one copy.
        every = prepare_said(world.every_crop, world, size, "crops", reporter)
        crops = every.only(world.crops)
    return Parts(tuple(training), crops, whole.only(world.validation))


def prepare_said(
    samples: Sequence[Sample], world: World, size: int, what: str, reporter: Reporter
) -> CachedDataset:
    def announce(needed: int, free: int) -> None:
        reporter.info(
            f"preparing {len(samples)} {what} at {size} px: {size_text(needed)} of the "
            f"{size_text(free)} that are free in {cache_root().resolve()}"
        )

    with reporter.progress(f"preparing {what}") as bar:
        return build_cache(samples, world.dataset.classes, size, bar, announce)


def sample_order(loaded: LoadedRecipe, parts: Parts) -> EpochSampler:
    recipe = loaded.recipe
    return EpochSampler(
        seed=recipe.train.seed,
        whole=sum(len(part.samples) for part in parts.training),
        crops=len(parts.crops.samples) if parts.crops else 0,
        crop_share=recipe.data.crop_share,
        crop_epochs=None if recipe.data.crop_epochs == "all" else recipe.data.crop_epochs,
        batch_size=recipe.train.batch_size,
    )
