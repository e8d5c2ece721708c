"""The invocations: a name, what lies in the working folder, and command lines joined by `&&`."""

from typing import NamedTuple

VERBS = ("demo", "phantom", "crop", "train", "predict", "vote", "score", "check", "diff", "stats")
VERBS += ("folds", "convert", "tui", "runs", "recipes")


class Case(NamedTuple):
    """One case of the surface."""

    name: str
    place: str
    line: str


TABLE = """
help                   empty | --help && --version
help-typo              empty | predcit && score --no-such-word && vote --min-votes many
help-runs              empty | runs show --help && runs compare --help && runs rm --help
help-recipes           empty | recipes copy --help

phantom                empty | phantom made --people 2 --size 64 --test-people 1 --seed 3
phantom-extras         empty | phantom made --people 1 --size 96 --test-people 0
                             --with rings,markers
phantom-faults         data  | phantom data --people 1 --size 64
                             && phantom made --people 0 && phantom made --size 3
                             && phantom made --people 2 --test-people 5 && phantom made --with ringz
                             && phantom made --people many
demo-faults            data  | demo data

crop                   data  | crop --regions wrist,fingertip && crop --regions wrist
crop-force             whole-data | crop && crop --regions wrist --force
crop-damaged           whole-data+broken-crops | crop --regions wrist
crop-faults            data  | crop --regions wirst && crop --regions '' && crop --data nowhere
crop-bad-label         data+bad-points | crop --regions wrist
crop-coco              coco  | crop --data coco
crop-empty             empty | crop --regions wrist,fingertip

folds                  data  | folds --k 2 && folds && folds --json
folds-other            whole-data | folds --k 3 && folds --seed 4 && folds --force --k 9 --seed 1
folds-metadata         data+metadata | folds --k 2 && folds --json -q
folds-faults           data  | folds --k 1 && folds --data nowhere
folds-damaged          whole-data+broken-folds | folds && folds --force --k 2
folds-bad-label        data+broken-label | folds --k 2
folds-coco             coco  | folds --data coco --k 3
folds-flat             flat  | folds --data flat

stats                  data  | stats
stats-again            whole-data+cache | stats -q --csv && stats --class Lunate
stats-json             data  | stats --json -q
stats-csv              data  | stats --csv -q
stats-html             data  | stats -q --html page.html && stats --html page.html
                             && stats --csv -q --html page.html --with-images --force
stats-faults           data  | stats --class Lunat && stats --json --csv && stats --with-images
                             && stats --html data && stats --data nowhere
stats-bad-labels       data+broken-label+bad-points | stats --csv
stats-coco             coco  | stats --data coco --csv && stats --data coco --class DP2
stats-flat             flat  | stats --data flat --csv

check-data             data  | check && check data --strict -v
check-data-deep        data  | check data --deep --json -q
check-data-faults      data+misspelt-label+doubled-label+broken-image | check data
check-data-faults-json data+misspelt-label+bad-points | check data --json
check-broken-label     data+broken-label | check data --deep
check-excludes         data+misspelt-label | check --write-excludes
                             && check --write-excludes --strict && check --strict
check-settings         data+settings | check -q
check-bad-settings     data+bad-settings | check && stats
check-coco             coco  | check coco
check-coco-broken      coco+broken-coco | check coco
check-coco-bare        coco+no-masks | check coco
check-flat             flat  | check flat
check-dicom            data+dicom | check data --deep && stats --csv -q
check-phantom          empty | phantom made --people 3 --size 128 --seed 2 && check made
check-csv              small | check a.csv --image-size 4x4 && check known.csv
                             && check windows.csv packed.csv.gz --image-size 4x4
check-csv-faults       small | check doubled.csv two-answers.csv odd.csv past.csv unsorted.csv
                             header.csv words.csv --image-size 4x4
check-csv-json         small | check doubled.csv unsorted.csv --json --image-size 4x4
check-csv-strict       small | check unsorted.csv --image-size 4x4
                             && check unsorted.csv --image-size 4x4 --strict
check-csv-fix          small | check doubled.csv --fix --image-size 4x4
                             && check unsorted.csv --fix --image-size 4x4 --out made.csv
                             && check unsorted.csv --fix --image-size 4x4 --out made.csv
                             && check unsorted.csv --fix --image-size 4x4 --out -
check-csv-fix-skip     small | check odd.csv --fix --image-size 4x4
                             && check odd.csv --fix --skip-bad --image-size 4x4
                             && check a.csv --fix --image-size 4x4
check-csv-stdin        small | check - --image-size 4x4 < doubled.csv
check-csv-data         data+csvs | check a.csv && check c.csv && check truth.csv b.csv --json -q
check-csv-sizes        data+csvs+own-sizes | check a.csv && check a.csv --image-size 64x64
                             && check b.csv --image-size 32x32
check-csv-alone        csvs  | check a.csv c.csv && check a.csv --image-size 32x32
check-run              whole-data+runs | check finished finished:test && check stopped
check-recipe           recipes | check recipes/segformer.toml tiny.toml wrong.toml broken.toml
                             && check wrong.toml --json && check none.toml
check-words            small+recipes | check a.csv --skip-bad && check a.csv --out b.csv
                             && check a.csv --fix --json && check tiny.toml --fix
                             && check a.csv --deep && check none.csv && check --data nowhere
                             && check a.csv --image-size 4

vote                   small | vote a.csv b.csv c.csv && vote a.csv b.csv --image-size 4x4
vote-stream            small | vote a.csv b.csv c.csv --out - -q
                             && vote a.csv b.csv c.csv --threshold 0 --out - -q
                             && vote a.csv b.csv c.csv --threshold 45% --out - -q
                             && vote a.csv b.csv c.csv --min-votes 3 --out - -q
vote-plan              small | vote --plan plan.toml --out made.csv
                             && vote --plan plan.toml --threshold 0.1 --out - -q
                             && vote b.csv c.csv --plan plan.toml --out -
vote-plan-faults       small | vote --plan bad-plan.toml && vote --plan none.toml
                             && vote --plan empty-plan.toml
                             && vote a.csv lacks.csv --plan plan.toml
vote-faults            small | vote a.csv b.csv --threshold 1 --min-votes 2
                             && vote a.csv b.csv --threshold x && vote a.csv none.csv
                             && vote a.csv lacks.csv && vote a.csv misspelt.csv
                             && vote a.csv b.csv --out . && vote a.csv b.csv --out x.csv.gz
                             && vote a.csv odd.csv && vote a.csv two-answers.csv
                             && vote past.csv lacks.csv --image-size 4x4
                             && vote a.csv header.csv && vote a.csv b.csv --image-size 4by4
                             && vote a.csv known.csv
vote-bad-rows          small | vote lacks.csv odd.csv doubled.csv unsorted.csv --skip-bad
                             && vote a.csv lacks.csv --allow-partial --out -
vote-taken             small+taken | vote a.csv b.csv --out made.csv
                             && vote a.csv b.csv --out made.csv --force -v
vote-stdin             small | vote a.csv - --out - < b.csv && vote a.csv a.csv && vote a.csv
vote-packed            small | vote windows.csv packed.csv.gz b.csv
vote-hands             data+csvs | vote a.csv b.csv c.csv --out made.csv && score made.csv a.csv -q
vote-runs              whole-data+runs+votes | vote && vote finished other:val
                             && vote finished stopped
vote-empty             empty | vote && vote --out-of-fold
vote-out-of-fold       data+folded | vote --out-of-fold fold-0.csv fold-1.csv
                             && vote --out-of-fold fold-0.csv fold-0.csv
                             && vote --out-of-fold fold-1.csv
                             && vote --out-of-fold fold-0.csv --threshold 1
                             && vote --out-of-fold fold-0.csv --out - && score oof/unet-001.csv -q

score                  data+csvs | score a.csv
score-again            whole-data+cache+csvs | score b.csv --by image --csv
score-csv-labels       csvs  | score a.csv b.csv c.csv --labels truth.csv
score-metrics          data+csvs | score c.csv --metrics iou,precision,recall,hd95,nsd,overlap
score-metrics-csv      csvs  | score a.csv --labels truth.csv --metrics hd95,nsd,overlap --csv
score-by               data+csvs | score a.csv c.csv --by image && score a.csv --by person --csv
score-worst            data+csvs | score a.csv --worst 1 --csv -q
                             && score a.csv b.csv --worst 1 --by person -q
score-json             data+csvs | score a.csv b.csv --json -q --worst 1 --reweight pose=0.5
score-reweight         data+csvs | score a.csv b.csv --reweight pose=0.576 --by person
score-small            small | score b.csv c.csv --labels a.csv --image-size 4x4 --metrics hd95,nsd
                             && score b.csv --labels a.csv --metrics hd95
                             && score b.csv --labels known.csv && score lacks.csv --labels a.csv
score-sizes            data+csvs+own-sizes | score a.csv --metrics nsd -q --by person
                             && score a.csv --metrics nsd -q --by person --image-size 64x64
score-run              whole-data+runs+cache | score finished:val && score last && score other:test
score-default          whole-data+runs+votes+cache | score && score finished other --json -q
score-stdin            small | score - --labels a.csv < b.csv
score-faults           data+csvs+small | score --metrics dise a.csv && score a.csv --by bone
                             && score a.csv --json --csv && score a.csv --reweight pose=2
                             && score a.csv --labels none && score none.csv
                             && score a.csv --worst 0 && score misspelt.csv
                             && score a.csv --labels known.csv && score odd.csv --labels a.csv
score-bad-label        data+csvs+broken-label | score truth.csv
score-empty            empty | score && score a.csv

diff                   small | diff a.csv b.csv && diff a.csv packed.csv.gz && diff a.csv lacks.csv
diff-hands             csvs  | diff a.csv c.csv --worst 3
diff-by                small | diff a.csv c.csv --by image --csv && diff a.csv c.csv --by mask --csv
                             && diff a.csv c.csv --by both && diff a.csv c.csv --json --worst 1
diff-only              csvs  | diff a.csv b.csv --class Lunate --class Ulna --by mask
diff-faults            small | diff a.csv b.csv --json --csv && diff a.csv b.csv --by both --csv
                             && diff a.csv b.csv --class Uln && diff a.csv b.csv --image k.png
                             && diff a.csv none.csv && diff a.csv odd.csv && diff a.csv
                             && diff a.csv b.csv --by bone && diff a.csv two-answers.csv

convert-coco           small | convert a.csv --to coco --image-size 4x4
                             && convert a.csv --to coco --rle plain --image-size 4x4 --out -
                             && convert converted/a-001.json --to csv --out -
convert-labelme        small | convert a.csv --to labelme --image-size 4x4
                             && convert a.csv --to labelme --shapes mask --image-size 4x4 --out lm
                             && convert converted/a-001 --to csv --out -
                             && convert lm --to csv --out - && convert lm --to coco --out -
convert-png            small | convert a.csv --to png --image-size 4x4
                             && convert converted/a-001 --to csv --out -
                             && convert converted/a-001 --to labelme
convert-handbone       small | convert a.csv --to handbone --image-size 4x4 --out made
                             && convert made --to csv --out - && convert made --to png
convert-csv            small | convert known.csv --to csv && convert windows.csv --to csv --out -
                             && convert packed.csv.gz --to csv && convert unsorted.csv --to csv
convert-data           data  | convert data --to csv --out made.csv && convert data --to coco
                             --split test && convert data --to labelme --split test --with-images
                             && convert data --to png --split test --out planes
convert-back           data+csvs | convert truth.csv --to handbone --link --out made
                             && convert made --to csv --out back.csv && diff truth.csv back.csv
convert-coco-set       coco  | convert coco/train/_annotations.coco.json --to csv --out made.csv
                             && convert coco --to labelme --out lm
convert-run            whole-data+runs | convert finished:val --to coco --out made.json
convert-force          small+notes | convert a.csv --to png --out made --force
                             && convert a.csv --to png --out p --image-size 4x4
                             && convert a.csv --to png --out p --image-size 4x4
                             && convert b.csv --to png --out p --image-size 4x4 --force
convert-words          small | convert a.csv --to coco --shapes mask && convert a.csv --to csv --rle
                             plain && convert a.csv --to csv --link
                             && convert a.csv --to png --out -
                             && convert a.csv --to csv --out a.csv --force && convert a.csv --to pgn
                             && convert a.csv --to csv --split test && convert none.csv --to coco
                             && convert none.json --to csv && convert a.csv --to labelme --link
                             && convert a.csv --to coco --image-size 2x2
                             && convert odd.csv --to coco && convert a.csv
convert-broken         broken-labelme+broken-planes+broken-json | convert broken.json --to csv
                             && convert lm --to csv && convert planes --to csv
convert-bad-data       data+bad-points | convert data --to csv

predict                whole-data+runs+cache+rough | predict && predict finished --split val
                             && predict finished --split val --force && predict other --out -
predict-faults         whole-data+runs | predict none && predict finished --split vall
                             && predict finished other --out made.csv && predict finished --out .
                             && predict finished --data nowhere
predict-other-classes  coco+runs | predict finished --data coco
predict-empty          empty | predict

train                  whole-data+recipes+rough | train tiny.toml --set train.epochs=1 --name mine
train-limit            data+recipes+rough | train tiny.toml --limit 2 --set train.epochs=1
                             --set 'data.crops=[]' --on-end 'echo $HANDSEG_STATE > ended.txt'
train-dry-run          whole-data+recipes+rough | train tiny.toml --dry-run
train-recipe-faults    recipes | train wrong.toml && train wrong.toml broken.toml
                             && train none.toml && train segformerr
                             && train tiny.toml --set train.epoch=3 --set data.size=a
                             && train tiny.toml --set train.epochs
train-words            runs+recipes | train && train tiny.toml --resume last
                             && train --resume last --name x && train --resume last --dry-run
                             && train tiny.toml tiny.toml --name x && train tiny.toml --limit 0
                             && train tiny.toml --fold some && train tiny.toml --name finished
                             && train --resume none && train --resume last --set model.encoder=x
train-no-data          recipes | train tiny.toml && train tiny.toml wrong.toml
                             && train tiny.toml --fold all
train-data-faults      data+bad-points+recipes | train tiny.toml && train tiny.toml
                             --set data.fold=9 --set 'data.crops=[]'
                             && train tiny.toml --set 'data.crops=[]'
train-taken            whole-data+runs+recipes | train tiny.toml --name finished
train-no-crops         data+recipes | train tiny.toml
train-queue            recipes | train tiny.toml recipes/unet.toml
                             --on-end 'echo "$HANDSEG_REASON" >> ended.txt'
train-resume           whole-data+runs+cache+rough | train --resume stopped --data data
train-resume-finished  whole-data+runs+cache+rough | train --resume finished --data data
train-resume-faults    data+runs | train --resume stopped --data nowhere
                             && train --resume stopped --data data
train-resume-other     whole-data+doubled-label+runs | train --resume stopped --data data
train-resume-damaged   whole-data+runs+cache+broken-best+rough | train --resume stopped --data data
train-resume-earlier   whole-data+runs+cache+broken-last+rough | train --resume stopped --data data
                             --set train.epochs=2

tui-faults             runs  | tui && tui --cells wide && tui --once --screen viewr
                             && tui --once --theme drak && tui --once --demo --runs somewhere
                             && tui --once --out frame.png && tui --out frame.svg
                             && tui --once --run nothing
tui-demo-runs          empty | tui --once --demo --cells 100x30
tui-demo-classes       empty | tui --once --demo --screen classes --cells 80x24 --theme safe
tui-demo-viewer        empty | tui --once --demo --screen viewer --cells 80x24
tui-demo-run           empty | tui --once --demo --screen run --run segformer-2 --read-only
tui-runs               runs+broken-run | tui --once --cells 120x40
                             && tui --once --screen run --run finished
tui-svg                runs  | tui --once --screen run --run other --out frame.svg --theme light
tui-data               data  | tui --once --cells 80x24 --screen viewer
tui-empty              empty | tui --once --cells 80x24

runs                   runs+broken-run | runs && runs --json && runs --csv
runs-filters           runs+broken-run | runs segformer state:finished --csv
                             && runs 'dice>0.1' --sort best && runs '!fold:0' && runs 'age<1d' shw
                             && runs --sort name --reverse -q && runs model:unet
runs-faults            runs  | runs --json --csv && runs --sort bst && runs 'dize>1'
                             && runs 'dice>x' && runs --runs nowhere && runs state:runing
runs-show              runs  | runs show finished && runs show stop --sort class --csv
runs-show-against      runs  | runs show other --against finished && runs show last --against other
                             --csv
runs-show-json         runs  | runs show stopped --json --against other
runs-show-html         runs+page | runs show finished --html page.html
                             && runs show finished --html page.html --force
                             && runs show finished --json --csv
runs-show-faults       runs+broken-run | runs show none && runs show broken && runs show
                             && runs show finished --sort bone && runs show finished --against none
runs-compare           runs  | runs compare finished other && runs compare finished other --by image
                             --csv && runs compare other finished --json
runs-compare-faults    runs+broken-run | runs compare finished && runs compare finished none
                             && runs compare finished broken && runs compare other finished --by x
                             && runs compare finished other --json --csv
runs-compare-more      runs  | runs compare finished other stopped --worst 1
runs-rm                runs  | runs rm finished --checkpoints --yes && runs rm other stopped
                             && runs rm stopped --yes && runs rm none
runs-environment       whole-data+runs | HANDSEG_RUNS=runs runs -q
                             && HANDSEG_RUNS=nowhere runs -q && HANDSEG_DATA=nowhere stats
                             && HANDSEG_CACHE=kept score finished:val -q

recipes                empty | recipes --csv && recipes -q
recipes-json           empty | recipes --json && recipes --json --csv
recipes-copy           empty | recipes copy unet && recipes copy unet && recipes copy unet --force
                             && recipes copy unnet
"""


def cases() -> dict[str, Case]:
    """All of them, by name: those of the table, and the help of each verb."""
    found = {f"help-{verb}": Case(f"help-{verb}", "empty", f"{verb} --help") for verb in VERBS}
    lines: list[str] = []
    for line in TABLE.splitlines():
        if line.startswith(" "):
            lines[-1] += f" {line.strip()}"
        elif line:
            lines.append(line)
    for line in lines:
        head, _, words = line.partition(" | ")
        name, place = head.split()
        found[name] = Case(name, place, words.strip())
    return found


CASES = cases()
