"""The picture of the floors is drawn from the contract, on which every file of scraping_project stands."""

import re
import xml.etree.ElementTree as ET

from tools.draw_floors import PICTURE, ROOT, beside, content, contracts, floors, picture

HOUSE = ROOT / "scraping_project"


def rooms():
    return [name for floor in floors(contracts()) for name in floor]


def test_the_picture_is_the_one_that_the_contract_draws():
    assert PICTURE.read_text() == picture(contracts()), "stale: run python -m tools.draw_floors"


def test_the_picture_names_every_room_once_and_is_xml():
    texts = [element.text for element in ET.fromstring(PICTURE.read_text()).iter() if element.text]
    for name in (*content(contracts()), *rooms(), *beside(contracts())):
        assert texts.count(name) == 1, name


def test_a_room_that_moves_to_another_floor_makes_the_picture_stale():
    linter = contracts()
    house = next(each for each in linter["contracts"] if each.get("containers"))
    house["layers"][0], house["layers"][1] = house["layers"][1], house["layers"][0]
    assert picture(linter) != PICTURE.read_text()


def test_every_file_of_the_house_stands_on_one_floor():
    # import-linter sees no file of a folder without an __init__.py, and so asks for no floor of it
    on_disk = {path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in HOUSE.rglob("*.py")}
    assert sorted(rooms()) == sorted(on_disk - {"__init__"})


def test_import_linter_sees_every_folder_of_the_house():
    folders = {path.parent for path in HOUSE.rglob("*.py")} - {HOUSE / "storage/migrations/versions"}
    unseen = {folder for folder in folders if not (folder / "__init__.py").exists()}
    assert unseen == {HOUSE / "storage/migrations"}  # Alembic loads these by path


def test_every_package_at_the_root_is_known_to_import_linter():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(contracts()["root_packages"])


def test_the_map_says_in_a_line_what_every_room_is_for():
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    named = [
        word for line in lines if line.startswith("| `") for word in re.findall(r"`(\w+)(?:/|\.py)`", line)
    ]
    for name in (*content(contracts()), *rooms(), *beside(contracts())):
        assert named.count(name) == 1, name
