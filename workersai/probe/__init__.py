"""Ask the live service about unknown facts, with one command.

`asks` has the requests and `questions` the rules to read the answers, both as data. `plan` computes
the cost of a run, `running` sends, `report` stores the answers, `verdicts` judges them, and
`applying` turns verdicts into facts of `workersai._models`. `workersai probe` is the command.
"""
