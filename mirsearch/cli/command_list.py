"""The names of all commands, with their one-line help and the functions that they call."""

from __future__ import annotations

from mirsearch.cli.groups import DefaultGroup, LazyCommand, command_group

COMMANDS = (
    LazyCommand(
        "ingest",
        "Add figures to the index: cut them into panels, read scale bars and text, embed. Known figures are skipped.",
        "ingest_cmd:ingest",
    ),
    LazyCommand(
        "query",
        "Find panels that look like an image at its scale, and whose captions contain the given words.",
        "query_cmd:query",
    ),
    LazyCommand(
        "serve",
        "Serve the search page and the HTTP API, on this machine alone unless told otherwise. Ctrl-C stops it.",
        "serve_cmd:serve",
    ),
    LazyCommand(
        "mcp",
        "Let an assistant search and show the corpus over the Model Context Protocol. Writes nothing.",
        "mcp_cmd:mcp",
    ),
    LazyCommand(
        "analyze",
        "Cut figures into panels and read their letters, scale bars and text. Stores nothing.",
        "analyze_cmd:analyze",
    ),
    LazyCommand(
        "list",
        "List panels or figures of the index: those that pass the filters, sorted by any field.",
        "list_cmd:list_",
    ),
    LazyCommand("show", "Show all data of a panel, or of all panels of a figure or article.", "corpus_cmds:show"),
    LazyCommand("stats", "Count the contents of the index.", "corpus_cmds:stats"),
    LazyCommand(
        "delete",
        "Remove figures with all their panels from the index, and leave them out from then on. Image files stay.",
        "delete_cmd:delete",
    ),
    LazyCommand(
        "export",
        "Write every panel with all its fields as a line of JSON (JSON Lines), the credits, or a dataset for learning.",
        "corpus_cmds:export",
    ),
    LazyCommand(
        "correct",
        "Correct what was read from a panel. Corrections are stored separately and survive a new analysis.",
        "correct_cmd:correct",
    ),
    LazyCommand(
        "corrections",
        "List what was corrected by hand, write it as a table for `correct --from`, or take it back.",
        "corrections_cmd:corrections",
    ),
    LazyCommand(
        "review",
        "Write the readings that most want a look as a page with pictures, and as a table to fill in.",
        "corrections_cmd:review",
    ),
    LazyCommand(
        "reanalyze",
        "Analyze figures of the index again, from their local files. Downloads nothing. Corrections stay.",
        "correct_cmd:reanalyze",
    ),
    LazyCommand(
        "evaluate",
        "Measure how well judged queries, or images of classes, find what is relevant.",
        "evaluate_cmd:evaluate",
    ),
    LazyCommand(
        "reuse",
        "Find pictures that are shown more than once: also cropped, mirrored, turned, scaled or with other contrast.",
        "reuse_cmd:reuse",
    ),
    LazyCommand(
        "cache",
        "Show which answers of services are kept on disk, or remove them. Downloaded figures stay.",
        "cache_cmd:cache",
    ),
    LazyCommand(
        "failures",
        "List what failed, and why: articles and figures of services (they are tried in three runs), and files.",
        "failures_cmd:failures",
    ),
    LazyCommand(
        "demo",
        "Draw a corpus of figures, ingest it, ask three questions, and write the answers as a page. Needs no network.",
        "demo_cmd:demo",
    ),
    LazyCommand(
        "plugins",
        "List the installed sources, extractors, OCR engines, scale-bar detectors and indexes.",
        "plugins_cmd:plugins",
    ),
    LazyCommand(
        "reembed",
        "Embed every panel again with another extractor. The old vectors answer queries until all are ready.",
        "index_cmds:reembed",
    ),
    LazyCommand(
        "verify",
        "Check everything in an index against its checksums, and repair it with --repair.",
        "verify_cmd:verify",
    ),
)

GROUPS = (
    command_group(
        "models",
        "Model files: export, list, inspect, verify.",
        [
            LazyCommand(
                "export",
                "Write an extractor as one file that runs without PyTorch, and compare its vectors.",
                "models_cmd:export",
            ),
            LazyCommand("list", "List the installed models.", "models_cmd:list_"),
            LazyCommand("info", "Show the card of a model: settings, data, metrics, licence.", "models_cmd:info"),
            LazyCommand(
                "verify",
                "Check a model file against the hashes of its card, and run it once if it is an extractor.",
                "models_cmd:verify",
            ),
        ],
    ),
    command_group(
        "index",
        "Move, copy, merge and back up indexes; create, migrate and roll back one on Elasticsearch.",
        [
            LazyCommand(
                "copy",
                "Copy an index, or several, into a new one: folders or Elasticsearch. Interrupted, run it again.",
                "transfer_cmds:copy",
            ),
            LazyCommand(
                "merge",
                "Add an index to another. What TARGET says stays; what only SOURCE says is added; conflicts are told.",
                "transfer_cmds:merge",
            ),
            LazyCommand(
                "backup",
                "Write the index with the pictures inside it into one archive, while others read and write.",
                "transfer_cmds:backup",
            ),
            LazyCommand(
                "restore",
                "Put a backup back: into a new folder, or into Elasticsearch. It is checked first.",
                "transfer_cmds:restore",
            ),
            LazyCommand(
                "relocate",
                "Tell the index that files were moved: all locations in OLD become those in NEW.",
                "transfer_cmds:relocate",
            ),
            LazyCommand(
                "create",
                "Install the stored script and the templates, and create the index if it does not exist.",
                "index_cmds:create",
            ),
            LazyCommand(
                "migrate",
                "Copy the index into a new one with the present mapping, then switch. The old one answers until then.",
                "index_cmds:migrate",
            ),
            LazyCommand(
                "rollback",
                "Switch back to the index that the present one was made from. It lacks what was ingested since.",
                "index_cmds:rollback",
            ),
            LazyCommand(
                "list",
                "List the physical indexes behind a name on Elasticsearch: which one answers, and which are kept.",
                "index_cmds:list_",
            ),
            LazyCommand(
                "prune",
                "Delete physical indexes that are no longer needed: of earlier and of interrupted migrations.",
                "index_cmds:prune",
            ),
        ],
    ),
    command_group(
        "config",
        "Show the config file and all values, with where each comes from; set and unset them.",
        [
            LazyCommand("list", "List all values, with where each comes from.", "config_cmd:list_"),
            LazyCommand(
                "get",
                "Print the value of a key: that of the environment, the config file, or the default.",
                "config_cmd:get",
            ),
            LazyCommand("set", "Write a value into the config file.", "config_cmd:set_"),
            LazyCommand("unset", "Remove a key from the config file, also one that is not known.", "config_cmd:unset"),
            LazyCommand("path", "Print where the config file lies. It may not exist.", "config_cmd:path"),
        ],
        kind=DefaultGroup,
    ),
    command_group(
        "watch",
        "Saved questions: what is new to each since it was last run.",
        [
            LazyCommand(
                "add",
                "Save a question: the options of `query`, or filters alone. What answers it now is not new.",
                "watch_cmd:add",
            ),
            LazyCommand("list", "List the saved questions.", "watch_cmd:list_"),
            LazyCommand("remove", "Remove saved questions.", "watch_cmd:remove"),
            LazyCommand(
                "run",
                "Tell what is new to saved questions since they were last run. An interrupted run tells it again.",
                "watch_cmd:run",
            ),
        ],
    ),
    command_group(
        "train",
        "Train on your own corpus: whitening, metric, scale-bar detector.",
        [
            LazyCommand(
                "whitening",
                "Learn a whitening of an index's vectors, and install it if it finds more on held-out articles.",
                "train_cmd:whitening",
            ),
            LazyCommand(
                "metric",
                "Learn a metric from crops and panels of figures: a linear head, or the whole network.",
                "train_cmd:metric",
            ),
            LazyCommand(
                "scalebar",
                "Train Faster R-CNN to find scale bars and labels. After Ctrl-C, --resume continues.",
                "train_scalebar_cmd:scalebar",
            ),
        ],
    ),
    command_group(
        "dashboards",
        "Kibana dashboards for an index on Elasticsearch.",
        [
            LazyCommand(
                "install", "Import the dashboards into Kibana. A second run renews them.", "index_cmds:install"
            ),
            LazyCommand(
                "write", "Write the dashboards of an index as a file for Kibana's import page.", "index_cmds:write"
            ),
        ],
    ),
)
