"""`recipes/ipyrust`: rendered for every platform, and built for this one against the stand-in channel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rattler_build import (
    JinjaConfig,
    PlatformConfig,
    RenderConfig,
    RenderedVariant,
    Stage0Recipe,
    ToolConfiguration,
    VariantConfig,
)

from conda_channel.build_log import BuildLog
from conda_channel.places import (
    CHANNEL,
    RECIPE,
    ROOT,
    STANDIN_VARIANTS,
    VARIANTS,
    ChannelError,
    output_of,
)

PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64")
BUILT_HERE = "linux-64"


def render(platform: str, variants: VariantConfig, recipe: Path = RECIPE) -> list[RenderedVariant]:
    """What conda-forge would build for a platform."""
    platforms = PlatformConfig(
        target_platform=platform, build_platform=BUILT_HERE, host_platform=platform
    )
    rendered: list[RenderedVariant] = Stage0Recipe.from_file(recipe).render(
        variants, RenderConfig(platform=platforms)
    )
    return rendered


def conda_forge_variants(platform: str) -> VariantConfig:
    """conda-forge's pins for a platform."""
    platforms = PlatformConfig(
        target_platform=platform, build_platform=BUILT_HERE, host_platform=platform
    )
    return VariantConfig.from_file_with_context(VARIANTS, JinjaConfig(platform=platforms))


def standin_variants() -> VariantConfig:
    """conda-forge's pins with the versions that the stand-in channel has."""
    return conda_forge_variants(BUILT_HERE).merge(VariantConfig.from_file(STANDIN_VARIANTS))


def build(
    output: Path, recipe: Path = RECIPE, channels: Sequence[Path] = (CHANNEL,), *, test: bool = True
) -> list[Path]:
    """Build every output of the recipe into `output`, and run the recipe's own tests; blocks for a minute or more.

    Returns:
        The packages in the order of the recipe.

    Raises:
        ChannelError: the build or a test failed; the message ends with the end of its log.
    """
    log = BuildLog()
    packages: list[Path] = []
    with source_of_recipe():
        variants = render(BUILT_HERE, standin_variants(), recipe)
        for variant in variants:
            try:
                result = variant.run_build(
                    ToolConfiguration(test_strategy="native" if test else "skip"),
                    output_dir=output,
                    channels=[output.as_uri(), *(channel.as_uri() for channel in channels)],
                    no_build_id=True,
                    package_format="conda:1",
                    progress_callback=log,
                )
            except Exception as error:  # the API has no narrower class
                raise ChannelError(f"cannot build {recipe}: {error}\n{log.tail()}") from error
            finally:
                (output / "build.log").write_text("\n".join(log.lines) + "\n", encoding="utf-8")
            packages += map(Path, result.packages)
    return packages


@contextmanager
def source_of_recipe(root: Path = ROOT) -> Iterator[None]:
    """The recipe builds this checkout, and its absolute path, which a rebuild needs."""
    before = os.environ.get("IPYRUST_SOURCE")
    os.environ["IPYRUST_SOURCE"] = str(root)
    try:
        yield
    finally:
        if before is None:
            del os.environ["IPYRUST_SOURCE"]
        else:
            os.environ["IPYRUST_SOURCE"] = before


def fetch_crates() -> None:
    """Download the crates of every `Cargo.lock`; the build itself must not need a network."""
    for manifest in sorted(ROOT.glob("packages/*/Cargo.toml")):
        output_of(
            ["cargo", "fetch", "--quiet", "--locked", "--manifest-path", str(manifest)],
            f"download the crates of {manifest.relative_to(ROOT)}",
        )
