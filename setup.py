"""Builds the egg that scrapyd-deploy ships; name, version and entry point stand in pyproject.toml."""

from setuptools import find_namespace_packages, setup

setup(
    # Folders of data count as packages too, or setuptools warns of every one it meets.
    packages=find_namespace_packages(
        include=["scraping_project*", "spiders*", "pipelines*"],
        exclude=["*.egg-info*", "*__pycache__*"],
    ),
    package_data={"": ["*.lua", "*.html", "*.css", "*.js", "*.svg", "*.mako", "*.ini", "*.json", "*.txt"]},
    zip_safe=True,
)
