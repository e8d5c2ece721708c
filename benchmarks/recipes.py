"""What the networks of the recipes cost: a step and a prediction of each, at a small size.

    python benchmarks/recipes.py [--size 128] [RECIPE...]

Each runs in a process of its own, from scratch, on what device there is: seconds of the second step
(forward and backward of two images, and the optimiser's) and of a prediction of one image, and the
peak memory of the process with its libraries. Without recipes one of each family: the smallest.
"""

import argparse
import json
import sys

from measure import spend

from handseg.recipe import tables
from handseg.recipe.load import bundled_recipes, load_recipe

CHILD = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import torch
from handseg.anatomy import BONES
from handseg.inference.device import MicroBatchSize
from handseg.models.segmenter import build_model
from handseg.recipe.load import load_recipe
from handseg.train.loader import TrainingBatch
from handseg.train.step import Stepper

name, size = sys.argv[1], int(sys.argv[2])
recipe = load_recipe(name, ["model.weights=none", f"data.size={size}"]).recipe
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = build_model(recipe, len(BONES)).to(device)
stepper = Stepper(recipe, model.train(), device, MicroBatchSize(2))
images = torch.randint(0, 256, (2, size, size), dtype=torch.uint8)
planes = torch.randint(0, 256, (2, size, size, 4), dtype=torch.uint8)
batch = TrainingBatch(images, planes, torch.ones(2, len(BONES), dtype=torch.bool))

def timed(work):
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun

steps = [timed(lambda: stepper.training_step(batch, number, 0.0)) for number in range(2)]
model.eval()
with torch.inference_mode():
    one = images[:1].to(device)
    predictions = [timed(lambda: model(one)) for _ in range(2)]
memory = torch.cuda.max_memory_allocated() / 1e6 if device.type == "cuda" else None
print(json.dumps([steps[-1], predictions[-1], memory]))
"""


def smallest_of_each_family() -> list[str]:
    """The recipe with the fewest parameters of each library and architecture."""
    found: dict[tuple[str, str], str] = {}
    by_size = sorted(bundled_recipes(), key=lambda one: tables.parameters(one.name))
    for one in by_size:
        model = load_recipe(str(one.path)).recipe.model
        found.setdefault((model.library, model.architecture), one.name)
    return sorted(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipes", nargs="*", metavar="RECIPE")
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    print(
        f"{'recipe':24} {'weights':>9} {'step':>8} {'predict':>8} {'memory':>9}   {given.size} px"
    )
    for name in given.recipes or smallest_of_each_family():
        spent = spend([sys.executable, "-c", CHILD, name, str(given.size)])
        step, prediction, memory = json.loads(spent.output)
        weights = tables.parameters(name) / 1e6
        print(
            f"{name:24} {weights:7.1f} M {step:6.2f} s {prediction:6.2f} s "
            f"{memory or spent.megabytes:6.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
