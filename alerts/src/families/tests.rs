use super::*;
use crate::fact::{Channel, Origin};
use ccxwatch_parsers::{
    parse,
    testing::dialect::{Alarm, Dialect},
};
use jiff::Timestamp;
use std::{collections::BTreeSet, path::Path};

fn origin() -> Origin {
    Origin { channel: Channel::Udp, sender: None, source: String::new(), node: None }
}

/// The facts of a line.
fn facts(line: &[u8]) -> Vec<Fact> {
    Fact::of_record(&parse(line), Timestamp::UNIX_EPOCH, origin(), false)
}

/// A line of which a sample is the end, from its triplet on.
fn line(sample: &str) -> Vec<u8> {
    format!("<186>7: ucx1.example.net: Nov 24 2026 10:00:00.000 UTC : {sample}").into_bytes()
}

fn all_signals(line: &[u8]) -> Vec<Signal> {
    facts(line).iter().flat_map(|fact| signals(fact, Some(Severity::Critical))).collect()
}

#[test]
fn every_family_says_what_people_need_and_its_samples_do_what_they_should() {
    assert!(FAMILIES.list.len() > 200, "{}", FAMILIES.list.len());
    let mut names = BTreeSet::new();
    for family in &FAMILIES.list {
        let row = &family.row;
        for name in row.also_called.iter().chain([&row.alert]) {
            assert!(names.insert(names::hash(name.as_bytes())), "two alerts are called {name}");
        }
        assert!(!row.title.ends_with('.') && row.title.len() < 90, "{}: {}", row.alert, row.title);
        assert!(row.meaning.ends_with('.') && !row.runbook.is_empty(), "{}", row.alert);
        assert!(row.runbook.iter().all(|step| step.ends_with('.')), "{}", row.alert);
        assert_eq!(row.samples.raise.is_empty(), row.raise.is_empty(), "{}: samples", row.alert);
        assert_eq!(row.samples.clear.is_empty(), row.clear.is_empty(), "{}: samples", row.alert);
        let said = |sample: &str, change: Change| -> Signal {
            let found = all_signals(&line(sample));
            let mut own = found.iter().filter(|signal| signal.alert == row.alert && signal.change == change);
            own.next().unwrap_or_else(|| panic!("{} {change:?}: {sample}: {found:?}", row.alert)).clone()
        };
        let raised: Vec<Signal> = row.samples.raise.iter().map(|sample| said(sample, Change::Raise)).collect();
        for sample in &row.samples.clear {
            let clear = said(sample, Change::Clear);
            assert_eq!(clear.node, raised[0].node, "{}", row.alert);
            let pairs = clear.instance.iter().all(|pair| raised[0].instance.contains(pair));
            assert!(pairs, "{}: {:?} does not clear {:?}", row.alert, clear.instance, raised[0].instance);
        }
    }
}

/// The names of the facts, as they are documented: sections 3.2 (Unified CCX, Identity Service, Cloud Connect, Finesse), 4.1 (Smart
/// Licensing of Unified CM) and 5 (services, modules) of the Cisco documents.
#[test]
fn every_documented_name_raises_its_alert() {
    let check = |alarm: &str, app: &str, expected: &str| {
        let line = line(&format!("%UC_X-2-{alarm}: %[AppID={app}][ClusterID=][NodeID=ucx1]: text"));
        let found = all_signals(&line);
        let raised: Vec<&str> = found.iter().filter(|it| it.change == Change::Raise).map(|it| &*it.alert).collect();
        assert_eq!(raised, [expected], "{alarm}");
    };
    for (alarm, expected) in [
        ("DB_REPLICATION_STOPPED", "DBReplicationStopped"),
        ("UCCX_HISTORICAL_DATA_WRITTEN_TO_FILES", "HistoricalDataWrittenToFiles"),
        ("CUIC_DATABASE_UNAVAILABLE", "CUIC_DATABASE_UNAVAILABLE"),
        ("CUIC_DB_REPLICATION_FAILED", "CUIC_DB_REPLICATION_FAILED"),
        ("CUIC_REPORT_EXECUTION_FAILED", "CUIC_REPORT_EXECUTION_FAILED"),
        ("CUIC_UNRECOVERABLE_ERROR", "CUIC_UNRECOVERABLE_ERROR"),
        ("AUTO_PURGE_COMPLETE", "PurgeInvoked"),
        ("EMAIL_SERVER_DOWN", "EMAIL_SERVER_DOWN"),
        ("SS_PARTIAL_SERVICE_CCP_TOMCAT_DOWN", "CCPTomcatServiceDown"),
        ("SS_PARTIAL_SERVICE_ CCP _TOMCAT_DOWN", "CCPTomcatServiceDown"),
        ("CCP_XMPP_SERVICE_DOWN", "CCPXMPPServiceDown"),
        ("SS_PARTIAL_SERVICE_CCP_SSL_ERROR", "CCPSSLError"),
        ("CCP_CACHE_STATUS_FULL", "CCPCacheStatusFull"),
        ("CCP_CACHE_STATUS_REACHED_LOW_THRESHOLD", "CCPCacheStatusReachedLowThreshold"),
        ("OB_SCHEDULED_CONTACT_IMPORT_FAILED", "OutboundScheduledContactImportFailed"),
        ("OB_CONTACT_IMPORT_SCHEDULING_FAILED", "OutboundContactImportSchedulingFailed"),
        ("UserPasswordMismatchAcrossNodes", "UserPasswordMismatchAcrossNodes"),
        ("USER_PASSWORD_MISMATCH_ACROSS_NODES", "UserPasswordMismatchAcrossNodes"),
        ("REASONCODE_SYNC_RETRY_ERROR", "ReasonCodesSyncRetryFailure"),
        ("EMAIL_OAUTH_CONNECTION_FAILED", "EmailOAuthConnectionFailed"),
        ("EMAIL_AUTHENTICATION_FAILED", "EmailAuthenticationFailed"),
        ("IDS_INIT_ERROR", "IdSInitializationFailure"),
        ("IDP_META_DATA_LOAD_ERROR", "IdPMetadataLoadError"),
        ("SP_META_DATA_LOAD_ERROR", "SPMetadataLoadError"),
        ("IDP_META_DATA_UPDATE_ERROR", "IdPMetadataUpdateError"),
        ("SP_META_DATA_UPDATE_ERROR", "SPMetadataUpdateError"),
        ("TOKEN_META_DATA_UPDATE_ERROR", "TokenMetadataUpdateError"),
        ("IDS_SECURITY_CONFIG_NOT_PRESENT", "IdSSecurityConfigNotPresent"),
        ("IDS_SECURITY_CONFIG_PULL_FAILURE", "IdSSecurityConfigPullFailed"),
        ("SAML_CERTIFICATE_LOAD_FAILED", "SAMLCertificateLoadFailed"),
        ("STATE_NOT_CONFIGURED", "IdSNotConfigured"),
        ("STATE_OUT_OF_SERVICE", "IdSOutOfService"),
        ("CONTM_INIT_FAILURE", "ContainerManagerInitFailed"),
        ("CONTM_INIT_HTTP_FAILURE", "ContainerManagerHttpInitFailed"),
        ("CONTM_INIT_PROVISIONING_FAILURE", "ContainerManagerProvisioningFailed"),
        ("CONTAINER_AUTO_UPDATE_FAILURE", "ContainerAutoUpdateFailed"),
        ("CONTAINER_RECOVERY_FAILURE", "ContainerRecoveryFailed"),
        ("CONTAINER_PERSIST_PROVISIONING_FAILURE", "ContainerProvisioningNotSaved"),
        ("CTI_CONNECTION_LOST", "FinesseCTIConnectionLost"),
        ("CTI_SOCKET_ERROR", "FinesseCTISocketError"),
        ("CTI_OPEN_FAILURE", "FinesseCTIOpenFailed"),
        ("CTI_CONNECTION_RETRIES_EXCEEDED", "FinesseCTIRetriesExceeded"),
        ("SUBSYS_INIT_ERROR", "FinesseSubsystemInitFailed"),
        ("UNABLE_TO_CONNECT_TO_XMPP_SERVER", "FinesseXMPPConnectionLost"),
        ("OF_STATE_CHANGED", "FinesseNotificationServiceStateChanged"),
        ("DB_SS_CONNECTION_CHECK", "FinesseDatabaseCheckFailed"),
        ("FINESSE_APP_STARTUP_ERROR", "FinesseStartupFailed"),
        ("ModuleStop", "ModuleOutOfService"),
        ("ModuleRunTimeFailure", "ModuleOutOfService"),
        ("MODULE_RUN_TIME_FAILURE", "ModuleOutOfService"),
        ("UNABLE_REGISTER_CTIPORT", "ModuleOutOfService"),
        ("SS_SHUTDOWN", "SubsystemShutDown"),
        ("MGR_SHUTDOWN", "SubsystemShutDown"),
        ("ProductInEval", "ProductInEval"),
        ("ProductEvalExpired", "ProductEvalExpired"),
        ("ProductOutOfCompliance", "ProductOutOfCompliance"),
        ("ProductRegistrationExpiringSoon", "ProductRegistrationExpiringSoon"),
        ("ProductAuthorizationExpiringSoon", "ProductAuthorizationExpiringSoon"),
        ("ProductRegistrationExpired", "ProductRegistrationExpired"),
        ("ProductAuthorizationExpired", "ProductAuthorizationExpired"),
        ("ProductCommunicationError", "ProductCommunicationError"),
    ] {
        check(alarm, "Cisco Something", expected);
    }
    let sync = "UCCX_TO_CUIC_SYNC_FAILED";
    check(sync, "Cisco Unified CCX Administration", "CCXToCUICAdminSyncFailed");
    check(sync, "Cisco Unified CCX Cluster View Daemon", "CCXToCUICCVDSyncFailed");
    check(sync, "Cisco Unified CCX Engine", "CCXToCUICEngineSyncFailed");
    check(sync, "Cisco Something", "CCXToCUICSyncFailed");
}

#[test]
fn the_smart_license_set_of_unified_cm_has_the_severities_of_rtmt() {
    for (alarm, printed, alert, severity) in [
        ("SmartLicenseInEval", 4, "SmartLicenseInEval", Severity::Warning),
        ("SmartLicenseNoProvision_EvalExpired", 2, "SmartLicenseNoProvisionEvalExpired", Severity::Critical),
        ("SmartLicenseInOverage_AuthorizationExpired", 1, "SmartLicenseInOverageAuthorizationExpired", Severity::Alert),
        (
            "SmartLicenseNoProvision_AuthorizationExpired",
            2,
            "SmartLicenseNoProvisionAuthorizationExpired",
            Severity::Critical,
        ),
        ("SmartLicenseRegistrationExpired", 3, "SmartLicenseRegistrationExpired", Severity::Error),
        ("SmartLicenseInOverage_OutOfCompliance", 1, "SmartLicenseInOverageOutOfCompliance", Severity::Alert),
        ("SmartLicenseNoProvision_OutOfCompliance", 2, "SmartLicenseNoProvisionOutOfCompliance", Severity::Critical),
        ("SmartLicenseCommunicationError", 3, "SmartLicenseCommunicationError", Severity::Error),
        ("SmartLicenseRegistrationExpiringSoon", 4, "SmartLicenseRegistrationExpiringSoon", Severity::Warning),
        ("SmartLicenseAuthorizationExpiringSoon", 4, "SmartLicenseAuthorizationExpiringSoon", Severity::Warning),
        ("SmartLicenseRenewAuthFailed", 3, "SmartLicenseRenewAuthFailed", Severity::Error),
        ("SmartLicenseRenewRegistrationFailed", 3, "SmartLicenseRenewRegistrationFailed", Severity::Error),
        ("SmartLicenseExportControlNotAllowed", 1, "SmartLicenseExportControlNotAllowed", Severity::Alert),
        ("SmartLicense_SLR_InEval", 4, "SmartLicense_Reservation_InEval", Severity::Warning),
        (
            "SmartLicense_SLR_NoProvision_EvalExpired",
            2,
            "SmartLicense_Reservation_NoProvision_EvalExpired",
            Severity::Critical,
        ),
        ("SmartLicense_SLR_InOverage_NotAuthorized", 1, "SmartLicense_SLR_InOverage_NotAuthorized", Severity::Alert),
        (
            "SmartLicense_SLR_NoProvision_NotAuthorized",
            2,
            "SmartLicense_SLR_NoProvision_NotAuthorized",
            Severity::Critical,
        ),
        (
            "SmartLicense_SLR_ExportControlNotAllowed",
            1,
            "SmartLicense_Reservation_ExportControlNotAllowed",
            Severity::Alert,
        ),
        ("SmartLicenseCommunication", 4, "SmartLicenseCommunication", Severity::Warning),
    ] {
        let sample =
            format!("%UC_SLMALARMCATALOG-{printed}-{alarm}: %[Reason=x][AppID=Cisco SLM][ClusterID=][NodeID=ucx1]: x");
        let found = all_signals(&line(&sample));
        let raised = found.iter().find(|signal| signal.change == Change::Raise).unwrap_or_else(|| panic!("{alarm}"));
        assert_eq!((&*raised.alert, raised.severity, &raised.node), (alert, severity, &None), "{alarm}");
        let settings = defaults(alert);
        assert_eq!((settings.enabled, settings.severity), (true, Some(severity)), "{alert}");
    }
}

#[test]
fn every_alert_of_rtmt_has_a_family_and_its_severity() {
    let shared = shared("catalog/rtmt-alert-defaults.psv");
    let rows = rtmt::names();
    for &(name, severity) in &rows {
        if name == severity::ALERT {
            continue;
        }
        let family = FAMILIES.of_alert(name).unwrap_or_else(|| panic!("{name} has no family"));
        assert_eq!(family.row.severity, severity, "{name}");
        let by_counters = seen_through_rtmt_only().contains(&name);
        assert_eq!(family.row.raise.is_empty(), by_counters, "{name}");
    }
    assert_eq!(rows.len(), 125);
    let Some(text) = shared else { return };
    let documented: BTreeSet<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split('|').next())
        .map(|name| name.split(" (").next().unwrap_or(name))
        .collect();
    // One name, InvalidCredentials, is there twice.
    assert_eq!(text.lines().count() - 1, 126);
    assert_eq!(documented, rows.iter().map(|(name, _)| *name).collect());
}

/// A file of the shared material; it is not part of this project.
fn shared(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{}: {error}", path.display()),
        Err(error) => {
            eprintln!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// What the families make of an alarm of the catalog that carries every parameter.
fn outcome(facility: &str, severity: u8, mnemonic: &str, params: &[(String, String)]) -> String {
    let alarm = Alarm {
        facility: facility.to_owned(),
        severity,
        mnemonic: mnemonic.to_owned(),
        params: params.to_vec(),
        text: "text".to_owned(),
        sequence: 7,
        host: "ucx1".to_owned(),
        time: [11, 24, 10, 0, 0, 0],
        year: 2026,
    };
    let outcomes: BTreeSet<String> = [Dialect::Wire, Dialect::FreeText]
        .into_iter()
        .map(|dialect| {
            let said: Vec<String> = all_signals(&alarm.print(dialect)).iter().map(written).collect();
            if said.is_empty() { "event".to_owned() } else { said.join(", ") }
        })
        .collect();
    assert_eq!(outcomes.len(), 1, "{facility} {mnemonic}: the dialects differ: {outcomes:?}");
    outcomes.into_iter().next().unwrap_or_default()
}

fn written(signal: &Signal) -> String {
    match signal.change {
        Change::Raise if signal.alert == severity::ALERT => "severity".to_owned(),
        Change::Raise => format!("raises {}", signal.alert),
        Change::Clear => format!("clears {}", signal.alert),
    }
}

#[test]
fn no_alarm_of_the_catalog_is_forgotten_or_claimed_twice() {
    for family in &FAMILIES.list {
        for pattern in family.row.raise.iter().filter(|pattern| pattern.parameters.is_empty()) {
            let name = names::hash(pattern.mnemonic.as_bytes());
            let facility = |pattern: &Pattern| pattern.facility.as_ref().map(|name| names::hash(name.as_bytes()));
            let claims = FAMILIES.alarms[&name].iter().filter(|claim| {
                claim.change == Change::Raise
                    && claim.pattern.parameters.is_empty()
                    && (facility(&claim.pattern).is_none() || facility(&claim.pattern) == facility(pattern))
            });
            assert_eq!(claims.count(), 1, "{} is claimed twice", pattern.mnemonic);
        }
    }
    let Some(text) = shared("catalog/uc-alarms.tsv") else { return };
    let mut expected = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [facility, severity, mnemonic, _, params] = fields[..] else { panic!("{line}") };
        let value = |key: &str| (key.to_owned(), if key == "NodeID" { "ucx1" } else { "1" }.to_owned());
        let params: Vec<(String, String)> = params.split(',').filter(|key| !key.is_empty()).map(value).collect();
        let number: u8 = severity.parse().expect("a digit");
        let outcome = outcome(facility, number, mnemonic, &params);
        expected.push(format!("{facility}\t{severity}\t{mnemonic}\t{outcome}"));
    }
    let found: Vec<&str> = catalog::TEXT.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
    if found != expected {
        let path = std::env::temp_dir().join("catalog.tsv");
        std::fs::write(&path, expected.join("\n")).expect("a temporary file");
        panic!("data/catalog.tsv does not say what the families do; what they do is in {}", path.display());
    }
}
