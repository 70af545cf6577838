"""Tasks of lm-evaluation-harness: found, loaded, turned into questions, and asked to judge answers.

All work on a task is done by lm-eval's own code, which is imported only when a task is used. What is here
knows no endpoint and sends nothing.
"""

from bakeoff.harness.judge import Judged, judge
from bakeoff.harness.questions import Question, Wish, questions
from bakeoff.harness.task import load_task, task_names

__all__ = ["Judged", "Question", "Wish", "judge", "load_task", "questions", "task_names"]
