"""The suites of comparisons; each prints a table."""

from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

import pyarrow as pa

from benchmarks import areas, drawings, heat_maps, many_slides, pictures, slides, stores
from benchmarks.flow import bare_expression, engines, flow, prepared
from benchmarks.job import Job
from benchmarks.libraries import ARRAYS, SEED, Library, Request, interpreters, whole_process
from benchmarks.libraries import OURS as OURS_RAY
from benchmarks.masks import MASKS
from benchmarks.options import DifferenceError, Options
from benchmarks.scaling import costs
from benchmarks.subjects import FLOOR, ONCE, OURS, PEERS, named, ours, subjects
from benchmarks.timing import medians, peak_mb, timed


def in_process(options: Options) -> None:
    """Compare the engine with the decode floor and peers on every mask, ROI and stride: seconds and multiples."""
    columns = ["tiles", "decode floor, s", "ours, s", "of the floor", *(f"{who}, of ours" for who in PEERS)]
    print(f"\n| in process | {' | '.join(columns)} |")
    print("|---|" + "---|" * len(columns))
    for name, roi, stride in product(options.masks, options.rois, options.strides):
        job = Job.of(options.mask(name), roi, stride)
        check(job)
        peers = stride == options.strides[0]
        runners = {who: partial(timed, partial(what, job)) for who, what in subjects(job, peers=peers).items()}
        once = {who: runners.pop(who)() for who in ONCE & runners.keys()}
        taken = medians(runners, options.repeat) | once
        floor, our = taken[FLOOR], taken[OURS]
        others = (f"{taken[who] / our:.1f}x" if who in taken else "" for who in PEERS)
        row = f"{name}, {roi}, stride {stride}", f"{len(job.x):,}", f"{floor:.3f}", f"{our:.3f}", f"{our / floor:.2f}x"
        print(f"| {' | '.join([*row, *others])} |", flush=True)


def check(job: Job) -> None:
    """Compare some random tiles with np.unique.

    Raises:
        DifferenceError: One differs.
    """
    sample = job.sample()
    for tile, (found, expected) in enumerate(zip(named(ours(sample)), sample.oracle(), strict=True)):
        if found != expected:
            raise DifferenceError(f"{job.path} {job.roi}: tile {tile} has {found}, np.unique says {expected}")


def through_ray(options: Options) -> None:
    """Compare the public expressions with the seed's library: overlaps, patches, slide tiles, a whole process."""
    job = Job.of(options.mask("binary"))
    tiles, few = job.table(), job.table().slice(len(job.x) // 4, min(4096, len(job.x)))
    of_slide = slides.table(slides.write(options.cache, options.shrink), options.shrink)
    seed_tiles = tiles.slice(0, options.seed_tiles)
    pythons = interpreters(options.seed_python)
    print("\n| through Ray, 2 workers | rows a block | seconds | tiles/s | of ours |\n|---|---|---|---|---|")
    whole = {
        who: partial(whole_process, python, Request("overlap", seed_tiles if who == SEED else tiles, 16_384))
        for who, python in pythons.items()
    }
    whole[ARRAYS] = partial(whole_process, pythons[OURS_RAY], Request("overlap", tiles, 16_384), "arrays.py")
    _print_through_ray("whole process, binary", medians(whole, options.repeat, warm_up=0), tiles, seed_tiles, 16_384)
    with ExitStack() as stack:
        libraries = {who: stack.enter_context(Library(python)) for who, python in pythons.items()}
        for what, title, table, rows in (
            ("overlap", "overlaps, binary", tiles, 16_384),
            ("overlay", "patches 128 x 128", few, 512),
            ("slide tiles", "slide tiles 512 x 512, JPEG SVS", of_slide, 128),
        ):
            of_seed = seed_tiles if what == "overlap" else table
            ask = {
                who: partial(_seconds, library, Request(what, of_seed if who == SEED else table, rows))
                for who, library in libraries.items()
            }
            if what == "overlap":
                cold = {who: run() for who, run in ask.items()}
                _print_through_ray(f"{title}, first pass", cold, table, of_seed, rows)
            _print_through_ray(f"{title}, warm", medians(ask, options.repeat), table, of_seed, rows)


def _seconds(library: Library, request: Request) -> float:
    return library.ask(request)["seconds"]


def _print_through_ray(title: str, taken: dict[str, float], table: pa.Table, of_seed: pa.Table, rows: int) -> None:
    per_tile = {who: seconds / (of_seed if who == SEED else table).num_rows for who, seconds in taken.items()}
    for who, each in per_tile.items():
        print(f"| {title}: {who} | {rows:,} | {taken[who]:.2f} | {1 / each:,.0f} | {each / per_tile[OURS_RAY]:.1f}x |")


def of_flow(options: Options) -> None:
    """Compare the flow on several large slides with the bare expression on the same tiles, Ray and Prefect warm."""
    with engines(), prepared(options.mask("binary"), slides=30 // options.shrink + 1) as study:
        ask = {
            "flow, with a picture of each slide": partial(flow, study, previews=True),
            "flow": partial(flow, study, previews=False),
            "bare expression": partial(bare_expression, study),
        }
        taken = medians(ask, options.repeat)
        print(f"\n| warm, {study.tiles:,} tiles of {study.slides} slides | seconds | ratio |\n|---|---|---|")
        for who, seconds in taken.items():
            print(f"| {who} | {seconds:.2f} | {seconds / taken['bare expression']:.2f}x |")


def scaling(options: Options) -> None:
    """Run the flow on more slides, on larger ones with larger overlays, and on one worker and two."""
    columns = ("slides", "overlay, MB", "tiles", "workers", "seconds", "of overlaps", "bytes a tile", "driver, MB")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    studies = [("binary", 16, 25), ("binary", 16, 100), ("binary", 16, 400), ("binary", 4, 25), ("binary", 2, 25)]
    with engines():
        with prepared(options.mask("binary"), slides=1) as warm_up:
            flow(warm_up, previews=False)
        for name, shrink, number in [*studies, ("noisy", 1, 16)]:
            mask = MASKS[name].shrunk(options.shrink * shrink).write(options.cache)
            size = f"{mask.stat().st_size / 1e6:.2f}"
            for cost in costs(mask, -(-number // options.shrink), options.repeat):
                spent = f"{cost.seconds:.2f} | {cost.overlap_seconds:.2f}"
                space = f"{cost.bytes_per_tile:.0f} | {cost.driver_mb:.0f}"
                print(f"| {cost.slides} | {size} | {cost.tiles:,} | {cost.workers} | {spent} | {space} |", flush=True)


def memory(options: Options) -> None:
    """Measure the memory of each subject on one mask, and of a Ray worker on up to a hundred times the tiles."""
    job = Job.of(options.mask("binary"))
    print(f"\n| in process, binary, box, {len(job.x):,} tiles | MB above what it had before |\n|---|---|")
    for who, what in subjects(job, peers=True).items():
        print(f"| {who} | {peak_mb(what, job):,.0f} |", flush=True)
    print("\n| through Ray, tiles | seconds | memory of the largest worker, MB |\n|---|---|---|")
    with Library(interpreters(None)[OURS_RAY]) as library:
        for tiles in (10_000 // options.shrink, 100_000 // options.shrink, 1_000_000 // options.shrink):
            table = _repeated(job, options.cache / "links", tiles)
            answer = library.ask(Request("overlap", table, 16_384))
            print(f"| {tiles:,} | {answer['seconds']:.2f} | {answer['worker_mb']:.0f} |", flush=True)


def _repeated(job: Job, folder: Path, tiles: int) -> pa.Table:
    folder.mkdir(exist_ok=True)
    tables = []
    for number in range(-(-tiles // len(job.x))):
        link = folder / f"{number}.tiff"
        if not link.exists():
            link.symlink_to(job.path.resolve())
        tables.append(Job(link, job.roi, job.x, job.y).table())
    return pa.concat_tables(tables).slice(0, tiles).combine_chunks()


def of_annotations(options: Options) -> None:
    """Compare exact areas with other exact ways to them on regions, and measure cells: seconds and multiples."""
    columns = ["tiles", "vertices", "ours, s", *(f"{who}, of ours" for who in drawings.PEERS)]
    print(f"\n| annotations | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, drawing in drawings.drawings(options.shrink).items():
        if difference := drawings.difference(drawing):
            raise DifferenceError(f"{name}: {difference}")
        runners = {who: partial(timed, partial(what, drawing)) for who, what in drawings.subjects(drawing).items()}
        taken = medians(runners, options.repeat)
        our = taken[drawings.OURS]
        others = (f"{taken[who] / our:.1f}x" if who in taken else "" for who in drawings.PEERS)
        row = name, f"{len(drawing.x):,}", f"{drawing.vertices:,}", f"{our:.3f}", *others
        print(f"| {' | '.join(row)} |", flush=True)


def of_pictures(options: Options) -> None:
    """Compare tile overlaps of PNG masks with Pillow and np.unique per tile: seconds and multiples."""
    columns = ["tiles", "ours, s", *(f"{who}, of ours" for who in pictures.PEERS)]
    print(f"\n| PNG masks | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, bits in pictures.MASKS.items():
        mask = MASKS[name].shrunk(pictures.SHRINK * options.shrink)
        job = pictures.PngJob.of(mask.write(options.cache), mask.mpp, bits)
        if difference := pictures.difference(job):
            raise DifferenceError(f"{job.path}: {difference}")
        subjects = {pictures.OURS: pictures.ours, **pictures.PEERS}
        taken = medians({who: partial(timed, partial(what, job)) for who, what in subjects.items()}, options.repeat)
        our = taken[pictures.OURS]
        others = (f"{taken[who] / our:.1f}x" for who in pictures.PEERS)
        print(f"| {name}, {bits} bit(s) | {len(job.x):,} | {our:.3f} | {' | '.join(others)} |", flush=True)


def of_areas(options: Options) -> None:
    """Compare the area rule with the centre rule and with exactextract on masks of one channel: seconds, multiples."""
    columns = "tiles", "centre rule, s", "area rule, s", "of the centre rule", "exactextract, of the area rule"
    print(f"\n| tiles inside pixels | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    masks = [name for name in options.masks if name in AREA_MASKS]
    for name, roi in product(masks, options.rois):
        job = areas.AreaJob(Job.of(options.mask(name), roi), AREA_MASKS[name])
        if difference := areas.difference(job):
            raise DifferenceError(f"{name}, {roi}: {difference}")
        runners = {who: partial(timed, what) for who, what in areas.subjects(job).items()}
        taken = medians(runners, options.repeat)
        centre, area, peer = taken[areas.CENTRE], taken[areas.AREA], taken.get(areas.EXACTEXTRACT)
        row = f"{name}, {roi}", f"{len(job.job.x):,}", f"{centre:.3f}", f"{area:.3f}", f"{area / centre:.2f}x"
        print(f"| {' | '.join([*row, f'{peer / area:.0f}x' if peer else ''])} |", flush=True)


def of_heat_maps(options: Options) -> None:
    """Compare statistics with the loops over tiles that users write: seconds, and multiples of the same statistics."""
    print("\n| heat map | tiles | subject | seconds | of ours |\n|---|---|---|---|---|")
    for heat_map in heat_maps.HEAT_MAPS:
        job = heat_maps.job_of(heat_map, options.shrink, options.cache)
        if difference := heat_maps.difference(job):
            raise DifferenceError(f"{heat_map.name}: {difference}")
        runners = {who: partial(timed, partial(what, job)) for who, what in heat_maps.subjects().items()}
        taken = medians(runners, options.repeat)
        ours = {heat_maps.SUBJECTS[who][0]: taken[who] for who in taken if who.startswith(heat_maps.OURS)}
        for who, seconds in taken.items():
            times = seconds / ours[heat_maps.SUBJECTS[who][0]]
            print(f"| {heat_map.name} | {len(job.x):,} | {who} | {seconds:.3f} | {times:.1f}x |", flush=True)


AREA_MASKS = {"binary": 1.0, "classes": 1.0, "noisy": 1.0, "fractional": 1.0003}
"""Masks of the area rule, and the stretch of their tiles: but for 1, each tile has its own place in a pixel."""


def of_stores(options: Options) -> None:
    """Compare masks on stores with the same files on disk: seconds, processor time, requests."""
    print("\n| mask | MB | tiles | read from | s | of disk | processor, of disk | requests for bytes + version |")
    print("|---|---|---|---|---|---|---|---|")
    with stores.served() as server:
        for name in [mask for mask in stores.MASKS if mask in options.masks]:
            local = Job.of(options.mask(name))
            with stores.far_away(local) as far:
                jobs = {stores.DISK: local, stores.NEAR: server.job(local), stores.FAR: far}
                if found := stores.difference(local, jobs[stores.NEAR]):
                    raise DifferenceError(f"{name} on a store: {found}")
                requests = server.requests(partial(ours, jobs[stores.NEAR]))
                taken, used = (
                    medians({where: partial(clock, partial(ours, job)) for where, job in jobs.items()}, options.repeat)
                    for clock in (timed, stores.processor_seconds)
                )
            for where, seconds in taken.items():
                ratios = f"{seconds / taken[stores.DISK]:.2f}x", f"{used[where] / used[stores.DISK]:.2f}x"
                size = f"{local.path.stat().st_size / 1e6:.1f}", f"{len(local.x):,}"
                row = name, *size, where, f"{seconds:.3f}", *ratios, requests if where == stores.NEAR else ""
                print(f"| {' | '.join(row)} |", flush=True)


SUITES = {
    "in-process": in_process,
    "areas": of_areas,
    "heat-maps": of_heat_maps,
    "pictures": of_pictures,
    "annotations": of_annotations,
    "stores": of_stores,
    "through-ray": through_ray,
    "flow": of_flow,
    "scaling": scaling,
    "cohorts": many_slides.cohorts,
    "index": many_slides.index,
    "sample": many_slides.sample,
    "memory": memory,
}
