"""The verbs of ``scrapy frontier NAME``, in the order of their help."""

from scraping_project.cli.frontier_verbs.check import Check
from scraping_project.cli.frontier_verbs.clear import Clear
from scraping_project.cli.frontier_verbs.dead import Dead
from scraping_project.cli.frontier_verbs.pause import Pause
from scraping_project.cli.frontier_verbs.repair import RepairVerb
from scraping_project.cli.frontier_verbs.requeue import Requeue
from scraping_project.cli.frontier_verbs.resume import Resume
from scraping_project.cli.frontier_verbs.show import Show
from scraping_project.cli.frontier_verbs.slot import Slot

VERBS = (
    Show(),
    Check(),
    Dead(),
    Requeue(),
    Slot(),
    Pause(),
    Resume(),
    Clear(),
    RepairVerb(),
)
