"""Images: our build and push beside ``docker build && docker push``, to the same registry."""

from pathlib import Path

from benchmarks.commands import run
from benchmarks.measure import Contender, Row, interleaved, share_of, times_faster
from benchmarks.workbench import Workbench

ROUNDS = 5
_LINE = '"Hello from Expressway"'


def measure(bench: Workbench) -> list[Row]:
    """Unchanged and with one line of the program changed. No two runs build the same change, so that nobody finds
    another's layers in the engine.
    """
    app, home, theirs = bench.app("bench-images"), bench.fresh_folder("home"), bench.app("bench-docker")
    with bench.toolkit() as toolkit:
        toolkit.build("bench-images", str(app))
        toolkit.build("bench-docker", str(theirs))  # makes the repository
        bench.expressway("build", app, home=home)
        address = f"127.0.0.1:{bench.sandbox.port}/bench-docker-repo"

        def docker(tag: str) -> None:
            for arguments in (["build", "-t", f"{address}:{tag}", str(theirs)], ["push", f"{address}:{tag}"]):
                run([bench.docker, *arguments], cwd=theirs, environment=bench.environment(home))

        docker("unchanged")
        unchanged = interleaved(
            [
                Contender("build, warm", lambda _: toolkit.build("bench-images", str(app))),
                Contender("docker build && docker push", lambda _: docker("unchanged")),
                Contender("expressway build", lambda _: bench.expressway("build", app, home=home)),
            ],
            rounds=ROUNDS,
        )
        changed = interleaved(
            [
                Contender(
                    "build, warm",
                    lambda _: toolkit.build("bench-images", str(app)),
                    prepare=lambda n: _change(app, f"warm {n}"),
                ),
                Contender(
                    "docker build && docker push",
                    lambda n: docker(f"v{n}"),
                    prepare=lambda n: _change(theirs, f"docker {n}"),
                ),
                Contender(
                    "expressway build",
                    lambda _: bench.expressway("build", app, home=home),
                    prepare=lambda n: _change(app, f"cold {n}"),
                ),
            ],
            rounds=ROUNDS,
        )
    warm, peer, cold = unchanged.values()
    warm_changed, peer_changed, cold_changed = changed.values()
    return [
        Row("build + push, unchanged, warm", warm, peer, (times_faster(warm, peer, 1),)),
        Row("… in a cold process", cold, peer, (times_faster(cold, peer, 1),)),
        Row(
            "build + push, one line changed, warm",
            warm_changed,
            peer_changed,
            (share_of(warm_changed, peer_changed, 1.1),),
        ),
        Row("… in a cold process", cold_changed, peer_changed, (share_of(cold_changed, peer_changed, 1.1),)),
    ]


def _change(app: Path, word: str) -> None:
    program = Path(__file__).resolve().parents[1] / "examples" / "hello" / "app.py"
    text = program.read_text(encoding="utf-8")
    assert _LINE in text
    (app / "app.py").write_text(text.replace(_LINE, f'"Hello {word}"'), encoding="utf-8")
