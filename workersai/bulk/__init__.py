"""Bulk jobs: a file of rows in, a folder of Parquet parts out, to be killed and started again.

```python
from workersai.bulk import embed_file, map_file

report = embed_file("in.parquet", "out/", model="@cf/baai/bge-m3", column="text")
report = map_file("in.jsonl", "out/", model="@cf/zai-org/glm-4.7-flash", prompt="Sum up: {text}")
```

Both read Parquet and JSON lines (by the file's suffix), and write parts that hold every row once,
in order. A job that was killed at any moment goes on where its last part ends when the same call
is made again. Needs the extra `bulk`.
"""

from __future__ import annotations

from workersai.bulk.embed import aembed_file, embed_file
from workersai.bulk.jobs import JobProgress, JobReport
from workersai.bulk.map import amap_file, map_file

__all__ = [
    "JobProgress",
    "JobReport",
    "aembed_file",
    "amap_file",
    "embed_file",
    "map_file",
]
