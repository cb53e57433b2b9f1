"""The images that run and that a rollback needs outlive any number of newer pushes, and few tags suffice."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from expressway.aws.values.image import RegistryImage
from expressway.core.progress import Progress
from expressway.deploy.status.wait import Readiness
from expressway.errors import ImageError, ServiceError
from expressway.image.lifecycle_policy import expired_images, parse_lifecycle_policy
from expressway.image.protect import ImageProtection
from tests.deploy.fakes import SERVICE, World
from tests.golden.regenerate import FOLDER
from tests.image.fakes import MemoryRegistry

URI = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/hello-repo"


def golden_policy(keep_tagged: int) -> str:
    """The policy that our own template has."""
    import json

    template = json.loads((FOLDER / "templates/minimal/minimal-ecr-infrastructure.template.json").read_text())
    text = template["Resources"]["Repository"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    policy = json.loads(text)
    assert policy["rules"][-1]["selection"]["countNumber"] == 20
    policy["rules"][-1]["selection"]["countNumber"] = keep_tagged
    return json.dumps(policy)


@dataclass
class Registry(MemoryRegistry):
    """A repository whose lifecycle policy is carried out after each push, as early as AWS can."""

    images: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    pushed: dict[str, datetime] = field(default_factory=dict[str, datetime])
    now: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    def push(self, digest: str) -> None:
        """Build and push what is not there (any more), as a deployment does."""
        self.now += timedelta(minutes=1)
        self.expire()
        if digest not in self.images:
            self.images[digest] = {f"ctx-{digest}"}
            self.pushed[digest] = self.now
        self.expire()

    def expire(self) -> None:
        for gone in expired_images(parse_lifecycle_policy(self.policy), self.held(), now=self.now):
            del self.images[gone]

    def held(self) -> list[RegistryImage]:
        return [
            RegistryImage("hello-repo", digest, tuple(sorted(tags)), 1, self.pushed[digest])
            for digest, tags in self.images.items()
        ]

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        assert repository_name == "hello-repo"
        return next((one for one in self.held() if digest == one.digest or tag in one.tags), None)

    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None:
        if digest not in self.images:
            raise ImageError("image_missing", f"{repository_name} no longer holds {digest}.", "Repeat.")
        for tags in self.images.values():
            tags.discard(tag)
        self.images[digest].add(tag)

    def protected(self) -> set[str]:
        return {one.digest for one in self.held() if any(tag.startswith("expressway-") for tag in one.tags)}


@dataclass
class App:
    """An app's deployments as far as images go; `running` is what the stack names."""

    registry: Registry
    running: str = ""
    proved: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])

    def deploy(self, digest: str, *, end: str = "proved") -> None:
        """One deployment: it proves itself, is rolled back by CloudFormation, or ends without being ready."""
        self.registry.push(digest)
        protection = ImageProtection(self.registry, "hello-repo", self.tell)
        protection.protect(starting=f"{URI}@{digest}", running=f"{URI}@{self.running}" if self.running else "")
        if end == "rolled back":
            return
        self.running = digest
        if end == "proved":
            protection.settle(f"{URI}@{digest}")
            if self.proved[-1:] != [digest]:
                self.proved.append(digest)

    def tell(self, progress: Progress) -> None:
        self.told.append(progress.message)


def test_an_older_image_that_is_deployed_again_outlives_all_newer_ones() -> None:
    app = App(Registry(policy=golden_policy(keep_tagged=1)))
    for digest in ("a", "b", "a"):
        app.deploy(digest)
    for number in range(50):
        app.registry.push(f"newer-{number}")
    assert app.registry.images.keys() == {"a", "b", "newer-49"}
    assert not app.told


@pytest.mark.parametrize("seed", range(40))
def test_what_runs_and_what_ran_before_stays_through_any_deployments(seed: int) -> None:
    chosen = random.Random(seed)
    app = App(Registry(policy=golden_policy(keep_tagged=chosen.choice((1, 2, 5)))))
    app.deploy("first")
    for number in range(60):
        known = [one for one in app.registry.images if not one.startswith("pushed")]
        digest = chosen.choice([f"built-{number}", f"built-{number}", *known])
        app.deploy(digest, end=chosen.choice(("proved", "proved", "rolled back", "not ready")))
        for extra in range(chosen.randint(0, 6)):
            app.registry.push(f"pushed-{number}-{extra}")
        needed = {app.running, *app.proved[-2:]}
        assert needed <= app.registry.images.keys()
        assert len(app.registry.protected()) <= 4
    assert not app.told


def test_deployments_that_fail_again_and_again_do_not_pile_up_protected_images() -> None:
    app = App(Registry(policy=golden_policy(keep_tagged=1)))
    app.deploy("good")
    for number in range(30):
        app.deploy(f"bad-{number}", end="rolled back")
    assert app.registry.protected() == {"good", "bad-29"}
    assert app.running in app.registry.images


def test_a_repository_that_ran_an_image_before_there_were_protected_tags_gets_them() -> None:
    app = App(Registry(policy=golden_policy(keep_tagged=1)), running="old")
    app.registry.images["old"] = {"ctx-old"}
    app.registry.pushed["old"] = app.registry.now
    app.registry.push("old")
    protection = ImageProtection(app.registry, "hello-repo", app.tell)
    app.registry.images["new"] = {"ctx-new"}
    app.registry.pushed["new"] = app.registry.now + timedelta(seconds=1)
    protection.protect(starting=f"{URI}@new", running=f"{URI}@old")
    app.registry.push("newer")
    assert app.registry.images.keys() == {"old", "new", "newer"}


def test_an_image_that_ran_and_is_gone_does_not_keep_the_new_one_from_being_protected() -> None:
    app = App(Registry(policy=golden_policy(keep_tagged=1)))
    app.registry.push("new")
    ImageProtection(app.registry, "hello-repo", app.tell).protect(starting=f"{URI}@new", running=f"{URI}@gone")
    assert app.registry.protected() == {"new"}
    assert "no longer holds gone" in app.told[0]


@pytest.mark.parametrize(
    "running",
    [
        "other.example/app@sha256:1",
        "nginx:1",
        f"{URI.replace('hello', 'other')}@x",
        f"{URI.replace('1111', '9999')}@x",
        "a.test/team/hello-repo@x",
        "",
    ],
)
def test_what_runs_from_another_repository_is_not_looked_for(running: str) -> None:
    app = App(Registry(policy=golden_policy(keep_tagged=1)))
    app.registry.push("new")
    ImageProtection(app.registry, "hello-repo", app.tell).protect(starting=f"{URI}@new", running=running)
    assert app.registry.images["new"] == {"ctx-new", "expressway-next"}
    assert not app.told


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (None, None),
        ("no policy", "cannot be read"),
        ('{"rules": []}', None),
        (golden_policy(1), None),
        (
            '{"rules": [{"rulePriority": 7, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", '
            '"countNumber": 5}}]}',
            "rule 7 of the lifecycle policy of the repository hello-repo takes the image away once 5 newer images",
        ),
        (
            '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["expressway-*"], '
            '"countType": "sinceImagePushed", "countNumber": 5}}]}',
            "5 days after it was pushed",
        ),
        *(
            (
                '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": '
                f'["expressway-*"], "countType": "imageCountMoreThan", "countNumber": {count}}}}}]}}',
                told,
            )
            for count, told in ((3, "once 3 newer images"), (4, None))
        ),
    ],
)
def test_a_policy_that_does_not_heed_the_tags_is_warned_of(policy: str | None, told: str | None) -> None:
    warnings: list[Progress] = []
    registry = MemoryRegistry(tags={"ctx-1": "sha256:1"}, policy=policy, mutability="IMMUTABLE_WITH_EXCLUSION")
    ImageProtection(registry, "hello-repo", warnings.append).protect(starting=f"{URI}@sha256:1", running="")
    assert [one.level for one in warnings] == ["warning"] * (told is not None)
    assert told is None or told in warnings[0].message


def test_a_permission_that_is_missing_is_a_warning_and_the_deployment_goes_on() -> None:
    app = World()
    app.images.registry = MemoryRegistry(denied=True)
    result = app.deploy()
    assert result.status == "deployed"
    assert any("not protected from the lifecycle of hello-repo" in one for one in result.warnings)


# -- within a deployment ----------------------------------------------------------------------------------------
def deploying(app: World, content: str) -> MemoryRegistry:
    registry = app.images.registry
    assert isinstance(registry, MemoryRegistry)
    app.images.content = content
    registry.tags[f"ctx-{content}"] = f"sha256:{content}"
    return registry


def protected(registry: MemoryRegistry) -> dict[str, str]:
    return {tag.removeprefix("expressway-"): to for tag, to in registry.tags.items() if tag.startswith("expressway-")}


def world() -> World:
    app = World()
    app.images.registry = MemoryRegistry(mutability="IMMUTABLE_WITH_EXCLUSION")
    app.images.uri = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hello-repo@sha256:"
    return app


def test_a_deployment_marks_what_it_starts_before_the_service_and_what_it_proved_after() -> None:
    app = world()
    registry = deploying(app, "one")
    seen: list[dict[str, str]] = []
    wait: Callable[..., Any] = app.wait

    def waiting(*arguments: Any) -> Readiness:
        seen.append(protected(registry))
        return wait(*arguments)

    app.wait_for_service = waiting
    app.deploy()
    assert seen == [{"next": "sha256:one"}]
    assert protected(registry) == {"next": "sha256:one", "running": "sha256:one"}
    deploying(app, "two")
    app.deploy()
    deploying(app, "one")
    app.deploy()
    assert protected(registry) == {"next": "sha256:one", "running": "sha256:one", "previous": "sha256:two"}


def test_a_deployment_that_finds_nothing_to_do_moves_no_tag() -> None:
    app = world()
    registry = deploying(app, "one")
    app.deploy()
    registry.calls.clear()
    assert app.deploy().status == "unchanged"
    assert registry.calls == []


def test_an_image_that_never_proved_itself_is_not_marked_as_proved_by_a_deployment_that_changes_nothing() -> None:
    app = world()
    registry = deploying(app, "one")
    app.deploy()
    deploying(app, "two")
    app.readiness = Readiness(status="timeout", message="not ready")
    with pytest.raises(ServiceError):
        app.deploy()
    assert app.deploy().status == "unchanged"
    assert protected(registry) == {"next": "sha256:two", "running": "sha256:one"}


def test_a_deployment_that_fails_leaves_what_runs_marked() -> None:
    app = world()
    registry = deploying(app, "one")
    app.deploy()
    deploying(app, "two")
    app.stacks.failing = {SERVICE: [("Service", "Resource handler returned message: it failed")]}
    with pytest.raises(Exception, match="it failed"):
        app.deploy()
    assert protected(registry) == {"next": "sha256:two", "running": "sha256:one"}
