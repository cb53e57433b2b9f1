"""Templates: our command line and our warm kernel beside ``cdk synth``."""

from benchmarks.measure import Contender, Row, at_most, interleaved, times_faster
from benchmarks.workbench import Workbench
from expressway.toolkit import inline_source

ROUNDS = 4
WARM_REPEATS = 10


def measure(bench: Workbench) -> list[Row]:
    """Nothing that ours synthesizes here was synthesized before: each process starts with an empty state directory,
    and each warm request has a definition of its own.
    """
    app = bench.app("bench-synth")
    ordinary, bare = bench.ordinary_cdk_project(app), bench.cdk_project(app)
    with bench.toolkit() as toolkit:

        def warm(number: int) -> None:
            definition = f"name: bench-{number}\nbuild: .\nhealth_check_path: /health\nenvironment: {{N: '{number}'}}\n"
            toolkit.synth(inline_source(definition, app), lint=False)

        for number in range(-5, 0):  # the first requests load what the later ones find
            warm(abs(number) + 10_000)
        ordinary.cdk("synth", "--quiet")
        bench.expressway("synth", "--no-lint", app)
        homes = [bench.fresh_folder("home") for _ in range(2 * ROUNDS)]
        contenders = [
            Contender("cdk synth", lambda _: ordinary.cdk("synth", "--quiet")),
            Contender(
                "expressway synth --no-lint", lambda n: bench.expressway("synth", "--no-lint", app, home=homes[n])
            ),
            Contender("cdk synth of stacks/app.py", lambda _: bare.cdk("synth", "--quiet")),
            Contender("warm kernel", warm, repeat=WARM_REPEATS),
            Contender("expressway synth", lambda n: bench.expressway("synth", app, home=homes[ROUNDS + n])),
        ]
        taken = interleaved(contenders, rounds=ROUNDS)
    cdk, cdk_bare = taken["cdk synth"], taken["cdk synth of stacks/app.py"]
    cold, warmed, linted = taken["expressway synth --no-lint"], taken["warm kernel"], taken["expressway synth"]
    return [
        Row("synth both stacks, cold process", cold, cdk, (times_faster(cold, cdk, 4),)),
        Row("… against our CDK app, its validation off", cold, cdk_bare),
        Row("… with cfn-lint and cloudformation-validate", linted, cdk),
        Row(
            "synth both stacks, warm, each definition new",
            warmed,
            cdk,
            (times_faster(warmed, cdk, 100), at_most(warmed, 0.030)),
        ),
    ]
