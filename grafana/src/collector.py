"""Collector: ccxwatch itself, from the socket to the mail."""

import parts
from grafana_foundation_sdk.builders import dashboard as builders

OURS = 'instance=~"$instance"'
FROM = f'{OURS}, source=~"$source"'
RATE = "[$__rate_interval]"


def quantiles(metric):
    by_le = f"sum by (le) (rate({metric}_bucket{{{OURS}}}{RATE}))"
    return [(f"histogram_quantile({share}, {by_le})", name) for share, name in ((0.5, "median"), (0.99, "99 %"))]


def build():
    board = parts.board("ccxwatch-collector", "ccxwatch: Collector", "ccxwatch itself: throughput, drops, lag, latency, outbox, resources.").with_variable(
        parts.variable("source", "Source", "Which sources of lines.", f"label_values(ccxwatch_source_lines_total{{{OURS}}}, source)", multi=True)
    )
    bad = [(None, "green"), (1, "red")]
    board.with_row(builders.Row("Now"))
    for panel in [
        parts.single("Up", "Whether the last scrape found it.", "bool_yes_no", f'min(up{{job="ccxwatch", {OURS}}})', steps=[(None, "red"), (1, "green")], width=3, empty="no"),
        parts.single("Heartbeat", "How long ago the last heartbeat went through source, engine and store. One is born every 10 seconds.", "s", f"time() - min(ccxwatch_heartbeat_timestamp_seconds{{{OURS}}})", steps=[(None, "green"), (30, "yellow"), (60, "red")]),
        parts.single("Store", "Whether the store takes transactions.", "none", f"max(ccxwatch_store_failing{{{OURS}}})", steps=bad, mappings=parts.mapped([("works", "green"), ("failing", "red")]), width=3),
        parts.single("Oldest message", "How long the oldest message in the outbox has waited.", "s", f"max(ccxwatch_outbox_oldest_age_seconds{{{OURS}}})", steps=[(None, "green"), (60, "yellow"), (600, "red")]),
        parts.single("Lost today", "What arrived within 24 hours and was not kept, refused senders left out.", "short", f'sum(increase(ccxwatch_source_drops_total{{{OURS}, reason!="not_allowed"}}[24h]))', steps=bad, decimals=0, width=3),
        parts.single("Configuration", "Whether the last reading of the configuration succeeded.", "none", f"min(ccxwatch_config_last_reload_successful{{{OURS}}})", mappings=parts.mapped([("refused", "red"), ("taken", "green")]), width=3),
        parts.named("Version", "Which version runs.", f"ccxwatch_build_info{{{OURS}}}", "{{version}}"),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Input"))
    for panel in [
        parts.lines("Lines", "Lines read, wanted or not.", "cps", [(f"sum by (source) (rate(ccxwatch_source_lines_total{{{FROM}}}{RATE}))", "{{source}}")]),
        parts.lines("Bytes", "Bytes read, whole datagrams and blocks of files.", "Bps", [(f"sum by (source) (rate(ccxwatch_source_bytes_total{{{FROM}}}{RATE}))", "{{source}}")]),
        parts.lines("Wanted lines", "Lines that reach the engine.", "cps", [(f"sum by (source) (rate(ccxwatch_source_facts_total{{{FROM}}}{RATE}))", "{{source}}")]),
        parts.lines("Lines without an event", "Lines in which no facility, severity and mnemonic were found, as a share: a source that sends something else.", "percentunit", [(f"sum by (source) (rate(ccxwatch_source_unrecognized_lines_total{{{FROM}}}{RATE})) / (sum by (source) (rate(ccxwatch_source_lines_total{{{FROM}}}{RATE})) > 0)", "{{source}}")]),
        parts.lines("Drops", "What arrived and was not kept, or not whole, by reason. Zero is the only good value.", "cps", [(f"sum by (source, reason) (rate(ccxwatch_source_drops_total{{{FROM}}}{RATE})) > 0 or sum by (source) (rate(ccxwatch_source_drops_total{{{FROM}}}{RATE}))", "{{source}} {{reason}}")], steps=[(None, "green"), (0.001, "red")]),
        parts.lines("Blocks", "Datagrams received, or reads made.", "cps", [(f"sum by (source) (rate(ccxwatch_source_blocks_total{{{FROM}}}{RATE}))", "{{source}}")]),
        parts.lines("Open connections", "Of the stream sources.", "short", [(f"sum by (source) (ccxwatch_source_connections{{{FROM}}})", "{{source}}")]),
        parts.lines("New connections", "A sender that connects for each line is slow.", "cps", [(f"sum by (source) (rate(ccxwatch_source_connections_total{{{FROM}}}{RATE}))", "{{source}}")]),
        parts.lines("Tail lag in bytes", "Written to the files and not read yet.", "bytes", [(f"sum by (source) (ccxwatch_tail_lag_bytes{{{FROM}}})", "{{source}}")]),
        parts.lines("Tail lag in time", "For how long a tail has not been at the end of its files.", "s", [(f"max by (source) (ccxwatch_tail_lag_seconds{{{FROM}}})", "{{source}}")], steps=[(None, "green"), (300, "red")], marked=True),
        parts.lines("Age of the last line", "Since the source brought a line.", "s", [(f"time() - max by (source) (ccxwatch_source_last_line_timestamp_seconds{{{FROM}}})", "{{source}}")]),
        parts.lines("Events by facility", "The ten busiest facilities: where a storm comes from.", "cps", [(f"topk(10, sum by (facility) (rate(ccxwatch_events_total{{{OURS}}}{RATE})))", "{{facility}}")], stacked=True),
        parts.lines("Events by mnemonic", "The ten busiest mnemonics.", "cps", [(f"topk(10, sum by (facility, mnemonic) (rate(ccxwatch_events_total{{{OURS}}}{RATE})))", "{{facility}} {{mnemonic}}")], stacked=True),
        parts.lines("Oddities of lines", "A sender or a relay that breaks lines.", "cps", [(f"sum by (defect) (rate(ccxwatch_parse_defects_total{{{OURS}}}{RATE}))", "{{defect}}")]),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Pipeline"))
    for panel in [
        parts.lines("Queues", "How full each queue is. A full one makes streams wait and datagrams be dropped.", "percentunit", [(f"max by (queue) (ccxwatch_queue_depth{{{OURS}}} / ccxwatch_queue_limit{{{OURS}}})", "{{queue}}")], steps=[(None, "green"), (0.8, "red")], marked=True),
        parts.lines("Heartbeat by stage", "How long ago a heartbeat passed each stage: the first that stands still is the one to look at.", "s", [(f"time() - min by (stage) (ccxwatch_heartbeat_timestamp_seconds{{{OURS}}})", "{{stage}}")], steps=[(None, "green"), (60, "red")], marked=True),
        parts.lines("Batch size", "Facts per batch that reached the engine.", "short", quantiles("ccxwatch_batch_facts")),
        parts.lines("Engine step", "Time that the engine takes for one step.", "s", quantiles("ccxwatch_engine_step_seconds")),
        parts.lines("Commit", "From handing a transaction to the store until it is on disk. No notification leaves before.", "s", quantiles("ccxwatch_store_commit_seconds")),
        parts.lines("Steps and commits", "How often the engine steps and the store commits.", "cps", [(f"sum(rate(ccxwatch_engine_step_seconds_count{{{OURS}}}{RATE}))", "steps"), (f"sum(rate(ccxwatch_store_commit_seconds_count{{{OURS}}}{RATE}))", "commits")]),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Notifications"))
    for panel in [
        parts.lines("Attempts and failures", "Attempts to deliver a notification, and those that failed, by reason.", "cps", [
            (f"sum by (receiver) (rate(ccxwatch_notification_attempts_total{{{OURS}}}{RATE}))", "{{receiver}}"),
            (f"sum by (receiver, reason) (rate(ccxwatch_notification_failures_total{{{OURS}}}{RATE}))", "{{receiver}}: {{reason}}"),
        ]),
        parts.lines("Share of failures", "Of the attempts of 15 minutes, by receiver. Only receivers that failed at all.", "percentunit", [(f"max by (receiver) (receiver:ccxwatch_notification_failures:ratio_rate15m{{{OURS}}})", "{{receiver}}")], steps=[(None, "green"), (0.5, "red")], marked=True),
        parts.lines("Latency", "From the decision to tell until a receiver has the notification.", "s", quantiles("ccxwatch_notification_latency_seconds")),
        parts.lines("Given up", "Messages within an hour that will not be tried again: `ccxwatch alerts dead-letters` lists them.", "short", [(f"sum by (receiver) (increase(ccxwatch_notifications_given_up_total{{{OURS}}}[1h]))", "{{receiver}}")], steps=[(None, "green"), (1, "red")]),
        parts.lines("Outbox", "Messages that are not delivered yet.", "short", [(f"sum(ccxwatch_outbox_messages{{{OURS}}})", "messages")]),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Process"))
    for panel in [
        parts.lines("Processor", "Share of one processor.", "percentunit", [(f'sum by (instance) (rate(process_cpu_seconds_total{{job="ccxwatch", {OURS}}}{RATE}))', "{{instance}}")], width=8),
        parts.lines("Memory", "Resident memory of the process.", "bytes", [(f'sum by (instance) (process_resident_memory_bytes{{job="ccxwatch", {OURS}}})', "{{instance}}")], width=8),
        parts.lines("Open files", "Against the limit of the process.", "percentunit", [(f'max by (instance) (process_open_fds{{job="ccxwatch", {OURS}}} / process_max_fds{{job="ccxwatch", {OURS}}})', "{{instance}}")], steps=[(None, "green"), (0.8, "red")], width=8),
        parts.lines("Requests", "Answered by page, API and metrics, by status; and refused, by reason.", "reqps", [
            (f"sum by (code) (rate(ccxwatch_web_requests_total{{{OURS}}}{RATE}))", "{{code}}"),
            (f"sum by (reason) (rate(ccxwatch_web_refused_total{{{OURS}}}{RATE}))", "refused: {{reason}}"),
        ], width=8),
        parts.lines("Scrape", "How long Prometheus waits for the metrics.", "s", [(f'max by (instance) (scrape_duration_seconds{{job="ccxwatch", {OURS}}})', "{{instance}}")], width=8),
        parts.lines("Series", "Samples of one scrape. Bounded: METRICS.md says by what.", "short", [(f'max by (instance) (scrape_samples_scraped{{job="ccxwatch", {OURS}}})', "{{instance}}")], width=8),
        parts.single("Running for", "Since the process started.", "s", f'time() - max(process_start_time_seconds{{job="ccxwatch", {OURS}}})', steps=[(None, "text")], width=6),
        parts.single("Configuration of", "When the configuration was last taken over.", "dateTimeAsIso", f"max(ccxwatch_config_last_reload_success_timestamp_seconds{{{OURS}}}) * 1000", steps=[(None, "text")], width=6),
        parts.single("View age", "How long ago the series of the clusters last changed.", "s", f"time() - max(ccxwatch_clusters_view_timestamp_seconds{{{OURS}}})", steps=[(None, "text")], width=6),
        parts.single("Web connections", "Open ones, of at most 128.", "short", f"sum(ccxwatch_web_connections{{{OURS}}})", steps=[(None, "green"), (100, "red")], width=3),
        parts.single("Quiet clusters", "Clusters that need no look, and clusters without series of their own because there are too many.", "short", f"sum(ccxwatch_clusters_quiet{{{OURS}}}) + sum(ccxwatch_clusters_omitted{{{OURS}}})", steps=[(None, "text")], width=3),
    ]:
        board.with_panel(panel)
    return board.build()
