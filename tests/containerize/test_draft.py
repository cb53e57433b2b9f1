"""What a Dockerfile says for apps that differ from the samples in one thing."""

import pytest

from expressway.containerize.result import Containerization
from expressway.containerize.review.hadolint import LintedLine
from tests.containerize.fakes import containerized

EXPRESS = {
    "package.json": '{"scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}}',
    "server.js": "",
}
GRADLE = {"build.gradle": 'plugins { id "org.springframework.boot" version "4.0.0" }'}
LARAVEL = {
    "composer.json": '{"require": {"php": "^8.3", "laravel/framework": "^12"}}',
    "artisan": "",
    "public/index.php": "",
}
VITE = {"package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}'}
RUST = {"Cargo.toml": '[package]\nname = "shop"\n', "src/main.rs": "fn main() {}"}


def dockerfile(made: Containerization) -> str:
    return made.files["Dockerfile"]


@pytest.mark.parametrize(
    "shown",
    [
        {"package.json": EXPRESS["package.json"].replace("{", '{"packageManager": "yarn@3.6.1", ', 1)},
        {".yarnrc.yml": "yarnPath: .yarn/releases/yarn-3.6.1.cjs\n"},
    ],
)
def test_yarn_before_4_installs_everything_since_it_cannot_leave_packages_out(shown: dict[str, str]) -> None:
    made = containerized({**EXPRESS, "yarn.lock": "__metadata:\n", **shown})
    assert made.installer == "Yarn 2 or 3"
    assert "yarn install --immutable\n" in dockerfile(made)
    assert "workspaces focus" not in dockerfile(made)


def test_patches_and_schemas_are_there_when_packages_are_installed() -> None:
    made = containerized({**EXPRESS, "patches/express+5.patch": "", "prisma/schema.prisma": ""})
    before, _, _ = dockerfile(made).partition("RUN npm install")
    assert "COPY patches/ ./patches/\nCOPY prisma/ ./prisma/\n" in before


@pytest.mark.parametrize(
    ("more", "image"),
    [
        ({}, "gradle:8.14-jdk21"),
        ({".java-version": "25\n"}, "gradle:9.7-jdk25"),
        (
            {"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=x/gradle-8.10.2-bin.zip\n"},
            "gradle:8.10.2-jdk21",
        ),
        (
            {".java-version": "25\n", "gradle/wrapper/gradle-wrapper.properties": "x/gradle-9.2-bin.zip\n"},
            "gradle:9.2-jdk25",
        ),
    ],
)
def test_the_image_has_the_projects_own_gradle_and_one_that_runs_with_its_java(
    more: dict[str, str], image: str
) -> None:
    assert f"library/{image} AS build\n" in dockerfile(containerized({**GRADLE, **more}))


@pytest.mark.parametrize(
    ("build", "version"),
    [
        ("sourceCompatibility = '1.8'", "8"),
        ("sourceCompatibility = JavaVersion.VERSION_1_8", "8"),
        ("sourceCompatibility = JavaVersion.VERSION_21", "21"),
        ("java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }", "17"),
    ],
)
def test_the_version_of_java_is_read_as_gradle_reads_it(build: str, version: str) -> None:
    made = containerized({"build.gradle": f"{GRADLE['build.gradle']}\n{build}\n"})
    assert made.base_image.endswith(f"eclipse-temurin:{version}-jre-noble")


def test_what_a_project_of_java_1_8_asks_for_is_java_8() -> None:
    pom = "<artifactId>spring-boot-starter-parent</artifactId><java.version>1.8</java.version>"
    assert ":8-jre" in containerized({"pom.xml": pom}).base_image


def test_a_lock_file_of_nuget_is_held() -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk.Web"><TargetFramework>net10.0</TargetFramework></Project>'
    assert "RUN dotnet restore shop.csproj\n" in dockerfile(containerized({"shop.csproj": project}))
    locked = containerized({"shop.csproj": project, "packages.lock.json": "{}"})
    assert "RUN dotnet restore shop.csproj --locked-mode\n" in dockerfile(locked)


def test_extensions_that_composer_asks_for_are_added_before_the_source() -> None:
    composer = LARAVEL["composer.json"].replace('"php"', '"ext-bcmath": "*", "ext-intl": "*", "php"')
    text = dockerfile(containerized({**LARAVEL, "composer.json": composer}))
    before, _, _ = text.partition("WORKDIR /var/www/html\nCOPY . .")
    assert "docker-php-ext-install bcmath" in before
    assert "libicu-dev && docker-php-ext-install intl" in before
    assert "docker-php-ext-install gd" not in text


@pytest.mark.parametrize(
    ("lock", "installs"),
    [
        ("package-lock.json", "RUN npm ci --no-audit --no-fund\n"),
        ("pnpm-lock.yaml", "RUN pnpm install --frozen-lockfile\n"),
        ("yarn.lock", "RUN yarn install --frozen-lockfile --non-interactive && yarn cache clean\n"),
    ],
)
def test_assets_are_built_with_the_package_manager_whose_lock_is_there(lock: str, installs: str) -> None:
    text = dockerfile(containerized({**LARAVEL, **VITE, lock: ""}))
    stage = text[text.index("AS assets") : text.index("php:8.")]
    assert installs in stage
    assert stage.index(f"{lock} ./") < stage.index(installs) < stage.index("COPY . .")
    assert stage.index("COPY --from=vendor /app/vendor ./vendor") < stage.index(" run build")


def test_without_a_lock_composer_chooses_for_the_php_that_runs() -> None:
    assert "composer config platform.php 8.4.20 && composer install" in dockerfile(containerized(LARAVEL))
    assert "platform.php" not in dockerfile(containerized({**LARAVEL, "composer.lock": "{}"}))


def test_every_target_that_cargo_asks_for_is_there_when_crates_are_compiled() -> None:
    manifest = (
        f"{RUST['Cargo.toml']}[lib]\npath = 'core/lib.rs'\n[[bin]]\nname = 'shop'\npath = 'app.rs'\n"
        "[[bin]]\nname = 'admin'\n[[bench]]\nname = 'speed'\n"
    )
    files = {
        "Cargo.toml": manifest,
        "app.rs": "",
        "core/lib.rs": "",
        "src/bin/admin/main.rs": "",
        "benches/speed.rs": "",
    }
    text = dockerfile(containerized(files))
    assert "RUN mkdir -p core . src/bin/admin benches \\\n" in text
    for path in ("core/lib.rs", "app.rs", "src/bin/admin/main.rs", "benches/speed.rs"):
        assert f"&& echo 'fn main() {{}}' > {path} \\\n" in text


@pytest.mark.parametrize("path", ["src/bin/web.rs", "src/bin/web/main.rs"])
def test_a_program_that_only_its_place_tells_of_is_the_one_that_cargo_builds(path: str) -> None:
    made = containerized({"Cargo.toml": RUST["Cargo.toml"], "src/lib.rs": "", path: "fn main() {}"})
    assert f"&& echo 'fn main() {{}}' > {path} \\\n" in dockerfile(made)
    assert "--bin web \\\n" in dockerfile(made)
    assert "src/main.rs" not in dockerfile(made)
    several = containerized({"Cargo.toml": RUST["Cargo.toml"], path: "", "src/bin/worker.rs": ""})
    assert any("several programs; web was taken" in told for told in several.assumptions)


def test_browsers_keep_built_files_unless_some_of_them_keep_their_names() -> None:
    assert "immutable" in containerized(VITE).files["nginx.conf"]
    assert "immutable" not in containerized({**VITE, "public/assets/logo.svg": ""}).files["nginx.conf"]
    assert "immutable" not in containerized({"index.html": ""}).files["nginx.conf"]


def test_what_a_build_would_read_and_may_not_is_told() -> None:
    told = containerized({**VITE, ".env.production": "VITE_API=/api\n"}).assumptions
    assert any("does not get .env.production" in sentence and "!.env.production" in sentence for sentence in told)
    assert not any("does not get" in sentence for sentence in containerized(VITE).assumptions)


def test_gems_that_the_app_brings_are_there_when_they_are_installed() -> None:
    files = {
        "Gemfile": 'gem "sinatra"\ngem "puma"\n',
        "Gemfile.lock": "GEM\n",
        "config.ru": "",
        "vendor/cache/a.gem": "",
    }
    text = dockerfile(containerized(files))
    assert text.index("COPY vendor/cache/ ./vendor/cache/") < text.index("bundle install")


def test_a_file_that_the_linter_cannot_read_and_builders_can_is_a_gap_and_no_fault() -> None:
    text = 'FROM python:3.13\nEXPOSE 80\nHEALTHCHECK NONE\nUSER 1\nCMD ["a"]\n'

    def linter(_: str) -> tuple[LintedLine, ...]:
        return (LintedLine("DL1000", "error", 3, "unexpected '<'"),)

    made = containerized({"Dockerfile": text, ".dockerignore": ".env\n"}, linter=linter)
    assert made.findings == ()
    assert made.gaps == ("hadolint: it does not understand line 3 of the Dockerfile, which builders do.",)
