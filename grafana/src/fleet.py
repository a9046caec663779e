"""Fleet: every cluster on one screen, the most urgent first. For one cluster and for thousands."""

import parts
from grafana_foundation_sdk.builders import dashboard as builders

OURS = 'instance=~"$instance"'
SHOWN = f'{OURS}, cluster=~"$cluster"'
# A table and a chart of thousands of rows help nobody: the most urgent ones.
MOST = 100
MOST_URGENT = f"topk({MOST}, cluster:ccxwatch_license_stage:urgency{{{SHOWN}}})"


def of_most_urgent(expr):
    return f"({expr}) and on (instance, cluster) {MOST_URGENT}"


def build():
    board = parts.board(
        "ccxwatch-fleet",
        "ccxwatch: Fleet",
        "Every Unified CCX cluster: stage of its license, time left, enforcement, use. The most urgent first.",
        annotated=SHOWN,
    ).with_variable(
        parts.variable("cluster", "Cluster", "Which clusters.", f"label_values(ccxwatch_cluster_info{{{OURS}}}, cluster)", multi=True)
    )
    bad = [(None, "green"), (1, "red")]
    worth_a_look = [(None, "green"), (1, "orange")]
    board.with_row(builders.Row("Now"))
    for panel in [
        parts.single("Clusters", "Clusters that ccxwatch watches, in the configuration or not.", "short", f"sum(ccxwatch_clusters{{{OURS}}})", steps=[(None, "blue")]),
        parts.single("Countdowns", "Clusters on which a countdown to out of compliance runs. Minutes count.", "short", f'sum(ccxwatch_clusters{{{OURS}, stage=~"countdown|countdown_shortly"}})', steps=worth_a_look),
        parts.single("Out of compliance", "Clusters that need a purchase.", "short", f'sum(ccxwatch_clusters{{{OURS}, stage=~"out_of_compliance|enforcement_due"}})', steps=bad),
        parts.single("Least time left", "Until the nearest countdown ends. Empty without a countdown.", "s", f"min(cluster:ccxwatch_license_deadline:seconds_left{{{SHOWN}}})", steps=[(None, "red"), (900, "orange"), (2700, "yellow")]),
        parts.single("Nearest enforcement", "Days until agents can no longer be changed somewhere. Empty without a cluster out of compliance.", "d", f"min(cluster:ccxwatch_license_enforcement:days_left{{{SHOWN}}})", steps=[(None, "red"), (7, "orange"), (30, "yellow")], decimals=0),
        parts.single("Silent feeds", "Ways on which a node is not heard any more. What they would have said is not known.", "short", f"sum(ccxwatch_feed_silent{{{SHOWN}}})", steps=worth_a_look),
    ]:
        board.with_panel(panel)
    board.with_row(builders.Row("Clusters"))
    to_cluster = parts.prop(
        "links",
        [{"title": "Open the cluster", "url": "/d/ccxwatch-cluster?var-cluster=${__value.raw}&var-datasource=${datasource}&${__url_time_range}"}],
    )
    colored = parts.prop("custom.cellOptions", {"type": "color-background", "mode": "basic"})
    stage = [parts.prop("mappings", [mapping.to_json() for mapping in parts.mapped(parts.STAGES)]), colored]
    steps = lambda *pairs: parts.prop("thresholds", {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]})
    board.with_panel(
        parts.rows(
            "Clusters by urgency",
            f"The {MOST} most urgent clusters. A click on a name opens it.",
            {
                "Stage": (MOST_URGENT, stage),
                "Time left": (of_most_urgent(f"cluster:ccxwatch_license_deadline:seconds_left{{{SHOWN}}}"), [parts.prop("unit", "s"), colored, steps((None, "red"), (900, "orange"), (2700, "yellow"))]),
                "Days to enforcement": (of_most_urgent(f"cluster:ccxwatch_license_enforcement:days_left{{{SHOWN}}}"), [parts.prop("unit", "d"), parts.prop("decimals", 0), colored, steps((None, "red"), (7, "orange"), (30, "yellow"))]),
                "Use": (of_most_urgent(f"cluster:ccxwatch_license_use:ratio{{{SHOWN}}}"), [parts.prop("unit", "percentunit"), colored, steps((None, "green"), (0.9, "orange"), (1.0001, "red"))]),
                "Deficit": (of_most_urgent(f"ccxwatch_license_deficit{{{SHOWN}}}"), [parts.prop("unit", "short")]),
                "Acknowledged": (of_most_urgent(f"ccxwatch_license_acknowledged{{{SHOWN}}}"), [parts.prop("unit", "bool_yes_no")]),
                "Last heard": (of_most_urgent(f"time() - ccxwatch_cluster_last_heard_timestamp_seconds{{{SHOWN}}}"), [parts.prop("unit", "s")]),
            },
            by="cluster",
            sort="Stage",
        ).override_by_name("cluster", [to_cluster])
    )
    board.with_panel(
        parts.timeline("Stages of clusters that need a look", "Clusters that were not unknown or compliant, over time.", f"topk({MOST}, cluster:ccxwatch_license_stage:urgency{{{SHOWN}}} >= 2)", "{{cluster}}", parts.STAGES, height=9)
    )
    board.with_row(builders.Row("Fleet"))
    for panel in [
        parts.lines("Clusters by stage", "The whole fleet, whatever is selected above.", "short", [(f"sum by (stage) (ccxwatch_clusters{{{OURS}}})", "{{stage}}")], stacked=True),
        parts.bars("Use against purchase", "The twenty clusters that use most of their licenses. Over 100 % counts towards out of compliance.", "percentunit", f"topk(20, cluster:ccxwatch_license_use:ratio{{{SHOWN}}})", "{{cluster}}", steps=[(None, "green"), (0.9, "orange"), (1.0001, "red")], maximum=1.2),
        parts.lines("Alerts of ccxwatch", "What burns by ccxwatch's own judgement, by name and severity.", "short", [(f"sum by (name, severity) (ccxwatch_alerts{{{OURS}}})", "{{name}} ({{severity}})")], stacked=True),
        parts.lines("Engines by state", "CCX Engines of which a state is known, of the whole fleet.", "short", [(f"sum by (state) (state:ccxwatch_node_engine_state:sum{{{OURS}}})", "{{state}}")], stacked=True),
        parts.lines("Registration and authorization", "Clusters of which a state is known, of the whole fleet.", "short", [
            (f"sum by (state) (state:ccxwatch_license_registration_state:sum{{{OURS}}}) > 0", "registration {{state}}"),
            (f"sum by (state) (state:ccxwatch_license_authorization_state:sum{{{OURS}}}) > 0", "authorization {{state}}"),
        ]),
        parts.rows("Alerts of Prometheus", "The rules of ccxwatch that fire or are about to.", {"Firing": (f'max by (alertname, alertstate, severity, cluster) (ALERTS{{alertname=~"Ccxwatch.*", {OURS}}})', [])}, by="alertname", sort="severity", width=12, height=8, hidden=("Value", "Firing")),
    ]:
        board.with_panel(panel)
    return board.build()
