"""What the dashboards share: panels with the project's defaults, variables, links and annotations."""

from grafana_foundation_sdk.builders import bargauge, common as common_builders, dashboard, gauge, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# The datasource is a variable: nothing here knows its id.
DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "ccxwatch"
PAGE = "${page}"

# The stages, as `cluster:ccxwatch_license_stage:urgency` numbers them.
STAGES = [
    ("unknown", "text"),
    ("compliant", "green"),
    ("unconfirmed", "yellow"),
    ("countdown", "orange"),
    ("countdown shortly", "dark-orange"),
    ("out of compliance", "red"),
    ("enforcement due", "dark-red"),
]
# The states of a service, as `service_state` numbers them.
SERVICE_STATES = [
    ("unknown", "text"),
    ("in service", "green"),
    ("partial service", "yellow"),
    ("shut down", "blue"),
    ("out of service", "red"),
]

GREEN = [(None, "green")]


def thresholds(steps):
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(
        [model.Threshold(value=value, color=color) for value, color in steps]
    )


def mapped(states):
    results = {
        str(number): model.ValueMappingResult(text=text, color=color, index=number)
        for number, (text, color) in enumerate(states)
    }
    return [model.ValueMap(options=results)]


def names(states):
    """Colors of the names that a table shows as text."""
    results = {
        text.replace(" ", "_"): model.ValueMappingResult(text=text, color=color, index=number)
        for number, (text, color) in enumerate(states)
    }
    return [model.ValueMap(options=results)]


def query(expr, legend="", *, instant=False, as_table=False, ref="A"):
    made = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(DATASOURCE)
    if legend:
        made.legend_format(legend)
    if instant or as_table:
        made.instant()
    else:
        made.range()
    if as_table:
        made.format(PromQueryFormat.TABLE)
    return made


def queries(pairs):
    return [query(expr, legend, ref=chr(ord("A") + number)) for number, (expr, legend) in enumerate(pairs)]


def _dressed(panel, title, description, unit, width, height, steps=GREEN):
    return (
        panel.title(title)
        .description(description)
        .unit(unit)
        .span(width)
        .height(height)
        .datasource(DATASOURCE)
        .thresholds(thresholds(steps))
    )


def single(title, description, unit, expr, *, steps=GREEN, legend="", width=4, height=4, mappings=None, empty="–", decimals=None):
    """One number, as it is now."""
    panel = _dressed(stat.Panel(), title, description, unit, width, height, steps)
    panel.with_target(query(expr, legend, instant=True)).no_value(empty)
    panel.color_mode(common.BigValueColorMode.BACKGROUND).graph_mode(common.BigValueGraphMode.NONE)
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    if legend:
        panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    if mappings:
        panel.mappings(mappings)
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def named(title, description, expr, legend, *, width=4, height=4):
    """Names instead of numbers: the labels of what there is."""
    panel = _dressed(stat.Panel(), title, description, "none", width, height)
    panel.with_target(query(expr, legend, instant=True)).no_value("–")
    panel.color_mode(common.BigValueColorMode.NONE).graph_mode(common.BigValueGraphMode.NONE)
    panel.text_mode(common.BigValueTextMode.NAME)
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel


def share(title, description, expr, *, legend="", width=4, height=4, steps):
    """A share of a limit, as a gauge."""
    panel = _dressed(gauge.Panel(), title, description, "percentunit", width, height, steps)
    return panel.with_target(query(expr, legend, instant=True)).min(0).max(1.2).no_value("–")


def bars(title, description, unit, expr, legend, *, steps, width=12, height=8, maximum=None):
    """The largest of many, as bars."""
    panel = _dressed(bargauge.Panel(), title, description, unit, width, height, steps)
    panel.with_target(query(expr, legend, instant=True)).min(0).no_value("–")
    panel.orientation(common.VizOrientation.HORIZONTAL).display_mode(common.BarGaugeDisplayMode.BASIC)
    if maximum is not None:
        panel.max(maximum)
    return panel


def lines(title, description, unit, pairs, *, steps=GREEN, width=12, height=8, stacked=False, from_zero=True, marked=False):
    """Numbers over time. `marked` draws the thresholds."""
    panel = _dressed(timeseries.Panel(), title, description, unit, width, height, steps)
    panel.targets(queries(pairs)).line_width(1).fill_opacity(25 if stacked else 8).no_value("–")
    panel.show_points(common.VisibilityMode.AUTO).span_nulls(False)
    panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if from_zero:
        panel.axis_soft_min(0)
    if marked:
        panel.thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    return panel


def timeline(title, description, expr, legend, states, *, width=24, height=6):
    """States over time."""
    panel = _dressed(statetimeline.Panel(), title, description, "none", width, height)
    panel.with_target(query(expr, legend)).mappings(mapped(states)).no_value("–")
    panel.show_value(common.VisibilityMode.AUTO).merge_values(True).row_height(0.85).per_page(20)
    panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    return panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def prop(name, value):
    return model.DynamicConfigValue(id_val=name, value=value)


def rows(title, description, columns, *, by, sort, width=24, height=12, hidden=()):
    """A table. `columns` maps a heading to (expression, properties); `by` is the label that joins them."""
    panel = _dressed(table.Panel(), title, description, "none", width, height)
    rename, excluded = {}, {"Time": True, "instance": True, "job": True, "__name__": True}
    for number, (heading, (expr, properties)) in enumerate(columns.items()):
        ref = chr(ord("A") + number)
        panel.with_target(query(expr, as_table=True, ref=ref))
        value = "Value" if len(columns) == 1 else f"Value #{ref}"
        rename[value] = heading
        if properties:
            panel.override_by_name(heading, properties)
    for number in range(1, len(columns) + 1):
        for label in ("Time", "instance", "job", "__name__"):
            excluded[f"{label} {number}"] = True
    for name in hidden:
        excluded[name] = True
    if len(columns) > 1:
        panel.with_transformation(model.DataTransformerConfig(id_val="joinByField", options={"byField": by, "mode": "outer"}))
    panel.with_transformation(
        model.DataTransformerConfig(id_val="organize", options={"excludeByName": excluded, "indexByName": {by: 0}, "renameByName": rename})
    )
    panel.sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(True)])
    return panel.filterable(True).no_value("–")


def service_state(metric, selector):
    """The states of a service as numbers, in the order of SERVICE_STATES."""
    terms = [
        f'{number} * {metric}{{{selector}, state="{text.replace(" ", "_")}"}}'
        for number, (text, _) in enumerate(SERVICE_STATES)
    ]
    return " + ignoring (state) ".join(terms)


class Transitions(model.AnnotationQuery):
    """An annotation of Prometheus. The SDK's type has no fields for how its labels are shown; Grafana reads these."""

    def to_json(self):
        payload = super().to_json()
        payload.update({"titleFormat": "{{cluster}}: {{stage}}", "textFormat": "License stage of {{cluster}}", "tagKeys": "stage", "step": "60s"})
        return payload


def transitions(selector):
    """A mark where a cluster enters a stage."""
    now = f"ccxwatch_license_stage{{{selector}}} == 1"
    return Transitions(
        name="License stages",
        datasource=DATASOURCE,
        enable=True,
        icon_color="orange",
        expr=f"({now}) unless (ccxwatch_license_stage{{{selector}}} offset 1m == 1)",
    )


class _Built:
    """What the SDK's builders hand on: something that builds."""

    def __init__(self, made):
        self.made = made

    def build(self):
        return self.made


def link(title, url, *, tooltip=""):
    return dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).icon("external link").url(url).tooltip(tooltip).target_blank(True)


def variable(name, label, description, expr, *, multi):
    made = (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"query": expr, "refId": f"variable-{name}"})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(multi)
        .include_all(multi)
    )
    if multi:
        made.all_value(".*").current(model.VariableOption(selected=True, text="All", value="$__all"))
    return made


def board(uid, title, description, *, annotated=None):
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-6h", "now")
        .editable()
        .version(1)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").description("Where the metrics are.").type("prometheus")
        )
        .with_variable(
            dashboard.TextBoxVariable("page").label("Page").description("Where a browser finds the page of ccxwatch.").default_value("http://localhost:9914")
        )
        .with_variable(
            variable("instance", "ccxwatch", "Which ccxwatch, if there are several.", "label_values(ccxwatch_build_info, instance)", multi=True)
        )
    )
    made.link(
        dashboard.DashboardLink("Dashboards of ccxwatch")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(False)
        .keep_time(True)
        .icon("dashboard")
    )
    made.link(link("Page of ccxwatch", PAGE + "/", tooltip="What ccxwatch itself shows"))
    if annotated:
        made.annotation(_Built(transitions(annotated)))
    return made
