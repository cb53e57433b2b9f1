"""An engine and a registry in memory: enough of both to publish an image, with faults on demand."""

import hashlib
from dataclasses import dataclass, field

from expressway.aws.values.image import RegistryImage, RegistryLogin, Repository
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.errors import ExpresswayError, ImageError, TargetError
from expressway.image.values import ImageBuild, LocalImage

REPOSITORY = "hello-repo"
URI = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/{REPOSITORY}"


@dataclass
class MemoryRegistry:
    """One repository; `calls` tells what was asked that changes something."""

    mutability: str = "IMMUTABLE"
    exists: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    logins: int = 0
    calls: list[str] = field(default_factory=list)
    shows_instead: str | None = None
    denied: bool = False
    policy: str | None = None
    roles: list[tuple[str, str]] = field(default_factory=list)
    configurations: dict[str, str] = field(default_factory=dict)
    reads_denied: bool = False

    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None:
        if self.reads_denied:
            raise TargetError("access_denied", "Not authorized: ecr:BatchGetImage", "Ask.")
        return self.configurations.get(digest)

    def through_role(self, role_arn: str, *, session_name: str) -> "MemoryRegistry":
        self.roles.append((role_arn, session_name))
        return self

    def authorization(self) -> RegistryLogin:
        self.logins += 1
        return RegistryLogin("r", "AWS", f"login {self.logins}")

    def describe_repository(self, name: str) -> Repository | None:
        if not self.exists or name != REPOSITORY:
            return None
        return Repository(REPOSITORY, "arn", URI, "111122223333", f"127.0.0.1:1/{REPOSITORY}", self.mutability)

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        if self.denied:
            raise TargetError("access_denied", "Not authorized: ecr:DescribeImages", "Ask.")
        if not self.exists:
            raise ImageError("repository_missing", f"no {repository_name}", "h")
        wanted = digest or self.tags.get(tag or "")
        if wanted is None or wanted not in self.tags.values():
            return None
        tags = tuple(sorted(name for name, held in self.tags.items() if held == wanted))
        return RegistryImage(repository_name, self.shows_instead or wanted, tags, 42)

    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None:
        if self.denied:
            raise TargetError("access_denied", "Not authorized: ecr:GetLifecyclePolicy", "Ask.")
        return self.policy

    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None:
        self.calls.append(f"tag {tag}")
        self.put(tag, digest)

    def put(self, tag: str, digest: str) -> None:
        fixed = self.mutability == "IMMUTABLE" or (self.mutability != "MUTABLE" and not tag.startswith("expressway-"))
        if fixed and self.tags.get(tag, digest) != digest:
            raise ImageError("tag_immutable", f"{tag} is taken", "choose another")
        self.tags[tag] = digest


@dataclass
class MemoryEngine:
    """Builds by hashing; each build differs, as real ones do. `faults` are raised by the next pushes, in order.

    What is built with images pulled anew depends on the `base` alone, as it does with a cache.
    """

    registry: MemoryRegistry
    refusal: ExpresswayError | None = None
    faults: list[ExpresswayError | None] = field(default_factory=list)
    images: dict[str, LocalImage] = field(default_factory=dict)
    builds: list[ImageBuild] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    pushed_before_us: str | None = None
    base: str | None = None

    def check_build(self, build: ImageBuild) -> None:
        if self.refusal:
            raise self.refusal

    def find_image(self, name: str) -> LocalImage | None:
        return self.images.get(name)

    def build(self, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation) -> LocalImage:
        cancellation.raise_if_cancelled()
        self.builds.append(build)
        made_of = len(self.builds) if self.base is None else self.base
        identity = hashlib.sha256(f"{build.name} {made_of}".encode()).hexdigest()
        self.images[build.name] = LocalImage(f"sha256:{identity}", build.platform, 7)
        progress(Progress("build", "Step 1/1 : FROM scratch"))
        return self.images[build.name]

    def push(
        self,
        image_id: str,
        *,
        repository: str,
        tag: str,
        login: RegistryLogin,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> str:
        cancellation.raise_if_cancelled()
        self.passwords.append(login.password)
        assert repository == f"127.0.0.1:1/{REPOSITORY}"
        if self.pushed_before_us:
            self.registry.put(tag, self.pushed_before_us)
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        digest = image_id.replace("sha256:", "sha256:d")[:71]
        self.registry.put(tag, digest)
        self.registry.configurations[digest] = image_id
        return digest


@dataclass
class FastClock:
    """Time that passes at once, and is remembered."""

    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
