"""The verbs of ``scrapy schedule``, in the order of their help."""

from scraping_project.cli.schedule_verbs.add import Add
from scraping_project.cli.schedule_verbs.edit import Edit
from scraping_project.cli.schedule_verbs.extra import Backfill, RunNow
from scraping_project.cli.schedule_verbs.lists import List, Next, Show
from scraping_project.cli.schedule_verbs.switches import Disable, Enable, Pause, Remove, Resume

VERBS = (
    List(),
    Add(),
    Show(),
    Edit(),
    Next(),
    RunNow(),
    Backfill(),
    Pause(),
    Resume(),
    Disable(),
    Enable(),
    Remove(),
)
