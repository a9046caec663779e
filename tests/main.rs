//! The real program against real peers. One binary: its tests share one harness and run in parallel, each with a
//! directory and ports of its own.

mod alarms;
mod alertmanager;
mod crash;
mod dashboards;
mod deliveries;
mod direction;
mod disk;
mod fault_run;
mod faults;
mod grafana;
mod harness;
mod incident;
mod measure;
mod operator;
mod page;
mod panels;
mod peers;
mod reload;
mod scenarios;
mod service;
mod storms;
mod suggest;
