"""How well a corpus finds and answers: questions with known places and answers, scored with intervals."""
