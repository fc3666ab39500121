"""Bulk jobs: from a file of rows to a folder of Parquet parts; they can be resumed after a kill.

```python
from workersai.bulk import embed_file, map_file

report = embed_file("in.parquet", "vectors/", model="@cf/baai/bge-m3", column="text")
report = map_file("in.jsonl", "answers/", model="@cf/zai-org/glm-4.7-flash", prompt="Sort: {text}")
```

Both read Parquet and JSON lines (by the file's suffix), and write parts with every row once, in
order. If a job was killed at any moment, the same call continues after its last part. Needs the
extra `bulk`.
"""

from __future__ import annotations

from workersai.bulk.embed import aembed_file, embed_file
from workersai.bulk.jobs import JobProgress, JobReport, QueueSettings
from workersai.bulk.map import amap_file, map_file

__all__ = [
    "JobProgress",
    "JobReport",
    "QueueSettings",
    "aembed_file",
    "amap_file",
    "embed_file",
    "map_file",
]
