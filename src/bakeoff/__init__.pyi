from bakeoff import stats as stats
from bakeoff.api import Run as Run
from bakeoff.api import compare as compare
from bakeoff.api import decide as decide
from bakeoff.api import import_files as import_files
from bakeoff.api import load as load
from bakeoff.api import runs as runs
from bakeoff.decide.flips import Flip as Flip
from bakeoff.errors import BakeoffError as BakeoffError
from bakeoff.frames import frame as frame
from bakeoff.records import BudgetRule as BudgetRule
from bakeoff.records import Case as Case
from bakeoff.records import Comparison as Comparison
from bakeoff.records import Constraint as Constraint
from bakeoff.records import DecideSpec as DecideSpec
from bakeoff.records import Estimate as Estimate
from bakeoff.records import MetricRule as MetricRule
from bakeoff.records import Place as Place
from bakeoff.records import QualityRule as QualityRule
from bakeoff.records import Ranking as Ranking
from bakeoff.records import Results as Results
from bakeoff.records import Sample as Sample
from bakeoff.records import Score as Score
from bakeoff.records import SloSpec as SloSpec
from bakeoff.records import StageResult as StageResult
from bakeoff.records import TargetCost as TargetCost
from bakeoff.records import TargetResult as TargetResult
from bakeoff.records import Usage as Usage
from bakeoff.records import Verdict as Verdict
from bakeoff.run.compare import Compared as Compared
from bakeoff.run.compare import ComparedTarget as ComparedTarget

__version__: str
__all__: list[str]
