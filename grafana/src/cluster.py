"""Cluster: one Unified CCX cluster, its license, nodes and feeds."""

import parts
from grafana_foundation_sdk.builders import dashboard as builders

OURS = 'instance=~"$instance"'
IT = f'{OURS}, cluster="$cluster"'


def build():
    board = parts.board(
        "ccxwatch-cluster",
        "ccxwatch: Cluster",
        "One Unified CCX cluster: stage, countdown, use against purchase, engines, feeds, alerts.",
        annotated=IT,
    ).with_variable(
        parts.variable("cluster", "Cluster", "Which cluster.", f"label_values(ccxwatch_cluster_info{{{OURS}}}, cluster)", multi=False)
    )
    board.link(parts.link("Cluster on the page", parts.PAGE + "/api/v1/clusters", tooltip="The clusters as JSON"))
    board.with_row(builders.Row("License"))
    for panel in [
        parts.single("Stage", "The stage of the license, and nothing else decides what people are told.", "none", f"max(cluster:ccxwatch_license_stage:urgency{{{IT}}})", mappings=parts.mapped(parts.STAGES)),
        parts.single("Time left", "Until the countdown ends. Empty without one.", "s", f"max(cluster:ccxwatch_license_deadline:seconds_left{{{IT}}})", steps=[(None, "red"), (900, "orange"), (2700, "yellow")]),
        parts.single("Days to enforcement", "Then changes of agents are no longer taken over. Empty unless out of compliance.", "d", f"max(cluster:ccxwatch_license_enforcement:days_left{{{IT}}})", steps=[(None, "red"), (7, "orange"), (30, "yellow")], decimals=0),
        parts.share("Use", "Licenses in use against the purchase, by the last report. Empty without reports.", f"max(cluster:ccxwatch_license_use:ratio{{{IT}}})", steps=[(None, "green"), (0.9, "orange"), (1.0001, "red")]),
        parts.single("Deficit", "Licenses to buy. Empty without reports.", "short", f"max(ccxwatch_license_deficit{{{IT}}})", steps=[(None, "green"), (1, "red")]),
        parts.single("Last heard", "How long ago any line of the cluster came. Silence proves nothing.", "s", f"time() - max(ccxwatch_cluster_last_heard_timestamp_seconds{{{IT}}})", steps=[(None, "green"), (3600, "yellow"), (86400, "red")]),
        parts.timeline("Stages", "Which stage held when.", f"max(cluster:ccxwatch_license_stage:urgency{{{IT}}})", "license", parts.STAGES, height=5),
        parts.lines("Countdown", "Time left of the countdown; the lines are at 15 and 45 minutes.", "s", [(f"max(cluster:ccxwatch_license_deadline:seconds_left{{{IT}}})", "time left")], steps=[(None, "red"), (900, "orange"), (2700, "yellow")], marked=True),
        parts.lines("Use against purchase", "Licenses in use, bought, and the peak that is locked while out of compliance.", "short", [
            (f"max(ccxwatch_license_used{{{IT}}})", "in use"),
            (f"max(ccxwatch_license_purchased{{{IT}}})", "bought"),
            (f"max(ccxwatch_license_locked{{{IT}}})", "locked"),
        ]),
        parts.lines("Evidence", "Lines of the current episode, copies included. One line on two channels is worth a look.", "short", [(f"max(ccxwatch_license_evidence_lines{{{IT}}})", "lines")], width=8),
        parts.named("Oddities", "What is odd about the current episode.", f"ccxwatch_license_flag{{{IT}}} == 1", "{{flag}}", width=4, height=4),
        parts.single("Acknowledged", "Somebody has seen the current stage.", "bool_yes_no", f"max(ccxwatch_license_acknowledged{{{IT}}})", steps=[(None, "text"), (1, "green")]),
        parts.single("Since", "Since when the stage holds.", "dateTimeAsIso", f"max(ccxwatch_license_stage_since_timestamp_seconds{{{IT}}}) * 1000", steps=[(None, "text")], width=8),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Registration and authorization"))
    for panel in [
        parts.named("Registration", "By the alarms of the license manager. Empty until one says it.", f"ccxwatch_license_registration_state{{{IT}}} == 1", "{{state}}", width=6),
        parts.named("Authorization", "By the alarms of the license manager, or by the stage. Empty until one says it.", f"ccxwatch_license_authorization_state{{{IT}}} == 1", "{{state}}", width=6),
        parts.single("Provisioning restricted", "Until provisioning is restricted. Empty unless an overage period runs or is over.", "s", f"max(ccxwatch_license_restriction_timestamp_seconds{{{IT}}}) - time()", steps=[(None, "red"), (604800, "yellow")], width=6),
        parts.single("Last report of use", "How old the report is that the use is taken from. Empty without reports.", "s", f"time() - max(ccxwatch_license_usage_report_timestamp_seconds{{{IT}}})", steps=[(None, "green"), (3600, "yellow"), (86400, "red")], width=6),
        parts.single("Registration since", "When a line first said the registration state.", "dateTimeAsIso", f"max(ccxwatch_license_registration_since_timestamp_seconds{{{IT}}}) * 1000", steps=[(None, "text")], width=12),
        parts.single("Authorization since", "When a line of the license manager first said the authorization state.", "dateTimeAsIso", f"max(ccxwatch_license_authorization_since_timestamp_seconds{{{IT}}}) * 1000", steps=[(None, "text")], width=12),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Nodes"))
    for panel in [
        parts.timeline("CCX Engine", "State of the engine of each node, where a line said one.", parts.service_state("ccxwatch_node_engine_state", IT), "{{node}}", parts.SERVICE_STATES, width=10, height=6),
        parts.timeline("Cluster View Daemon", "State of the daemon of each node that reports license use, where a line said one.", parts.service_state("ccxwatch_node_cluster_view_daemon_state", IT), "{{node}}", parts.SERVICE_STATES, width=10, height=6),
        parts.single("Island mode", "More than one node says that it is the master.", "bool_yes_no", f"max(ccxwatch_cluster_island_mode{{{IT}}})", steps=[(None, "green"), (1, "red")], height=6),
        parts.lines("Age of feeds", "How long ago each node was heard, by each way that its lines come.", "s", [(f"time() - ccxwatch_feed_last_heard_timestamp_seconds{{{IT}}}", "{{node}} {{feed}}")], steps=[(None, "green"), (3600, "yellow"), (86400, "red")]),
        parts.rows("Feeds", "Which feeds are silent for longer than is usual.", {
            "Silent": (f"ccxwatch_feed_silent{{{IT}}}", [parts.prop("unit", "bool_yes_no"), parts.prop("custom.cellOptions", {"type": "color-background", "mode": "basic"}), parts.prop("thresholds", {"mode": "absolute", "steps": [{"value": None, "color": "green"}, {"value": 1, "color": "red"}]})]),
        }, by="node", sort="Silent", width=12, height=8, hidden=("cluster",)),
        parts.lines("Age of nodes", "How long ago each node was heard, by any way.", "s", [(f"time() - ccxwatch_node_last_heard_timestamp_seconds{{{IT}}}", "{{node}}")], steps=[(None, "green"), (3600, "yellow"), (86400, "red")]),
        parts.rows("Alerts of Prometheus", "The rules of ccxwatch that fire for this cluster or are about to.", {"Firing": (f'max by (alertname, alertstate, severity, node, state) (ALERTS{{alertname=~"Ccxwatch.*", {IT}}})', [])}, by="alertname", sort="severity", width=12, height=8, hidden=("Value", "Firing")),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Events of all clusters"))
    board.with_panel(
        parts.lines("License and engine events", "Events that say something of licenses and services. Lines do not say of which cluster they are before the engine knows it, so these are of all clusters.", "cps", [
            (f'sum by (mnemonic) (rate(ccxwatch_events_total{{{OURS}, facility=~"(UC_)?(LIB_LICENSE|SLMALARMCATALOG|SS_TEL|SERVICEMANAGER|GENERIC)"}}[$__rate_interval]))', "{{mnemonic}}"),
        ], width=12)
    )
    board.with_panel(
        parts.lines("Events by severity", "All events, by the severity that the line prints.", "cps", [(f"sum by (severity) (rate(ccxwatch_events_total{{{OURS}}}[$__rate_interval]))", "{{severity}}")], width=12, stacked=True)
    )
    return board.build()
