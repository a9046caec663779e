//! The facilities that have a series of their own: a closed list, because a facility comes from a log line and a label must not.

/// What every other facility counts as.
pub(super) const OTHER: &str = "other";

/// The names, without the prefix `UC_`, in byte order: the components of Unified CCX (Serviceability guide, trace facilities, with
/// the spellings that other Cisco pages use), and the facilities of the alarm catalogue of Unified CM 12.5 to 15, which is the
/// platform below Unified CCX.
#[rustfmt::skip]
const KNOWN: [&str; 161] = [
    "AC_CLUSTER", "AC_CONFIG", "AC_DATABASE", "AC_JTAPI", "AC_OS", "ADM", "ADM_CFD", "ADM_CFG", "APP_MGR",
    "ARCHIVE_MGR", "AUDITEVENT", "AUDITLOG", "AW_CFG", "BARBI_CLI", "BOOTSTRAP_MGR", "CALLMANAGER", "CAPF", "CAR",
    "CDP", "CDRREP", "CEF", "CERT", "CFG_MGR", "CHANNEL_MGR", "CLUSTERMANAGER", "CLUSTER_MGR", "CMI", "CONTACT_MGR",
    "CONTACT_STEPS", "CRA_CMM", "CRA_HRDM", "CTI", "CTLPROVIDERALARMCATALOG", "CVD", "CWLCSS", "ConfigAgent", "DB",
    "DBPURGE_MGR", "DESKTOP", "DOC_MGR", "DRF", "DirSync", "EDT", "ENG", "EXECUTOR_MGR", "EXPR_MGR",
    "EXTENSIONMOBILITY", "FILE_MGR", "FIPSMODECHANGEALARMCATALOG", "GENERIC", "GRAMMAR_MGR", "GRP_CFG", "HOLIDAY_MGR",
    "HR_MGR", "ICD_CTI", "ICD_HDM", "ICD_RTDM", "ICSA", "ILS", "IMS", "IO_ICM", "IPVMS", "IVR_RTDM", "JASMIN",
    "JAVAAPPLICATIONS", "LIB_APPADMININTERCEPTOR", "LIB_AXL", "LIB_CFG", "LIB_CLUSTER_CFG", "LIB_CRTP", "LIB_DATABASE",
    "LIB_DIRECTORY", "LIB_EVENT", "LIB_ICM", "LIB_JASPER", "LIB_JCUP", "LIB_JDBC", "LIB_JINI", "LIB_JLEX", "LIB_JMAIL",
    "LIB_LICENSE", "LIB_MEDIA", "LIB_RMI", "LIB_SERVLET", "LIB_TC", "LOGIN", "LOG_MGR", "LPMTCT", "MGR_MGR",
    "MRCP_CFG", "NODE_MGR", "PALETTE", "PE", "PHONE", "PROMPT_MGR", "PURGING", "Proxy", "REST_CLIENT", "RPT", "RTMT",
    "RTPPORT_MGR", "ReplWatcher", "SA", "SAMLSSO", "SCRIPT_MGR", "SERVICEMANAGER", "SESSION_MGR", "SIP_STACK", "SLMALARMCATALOG",
    "SOCKET_MGR", "SRM", "SS_APP", "SS_CHAT", "SS_CM", "SS_CMT", "SS_DB", "SS_EMAIL", "SS_HTTP", "SS_ICM",
    "SS_MRCP_ASR", "SS_MRCP_TTS", "SS_OB", "SS_OUTBOUND", "SS_RM", "SS_RMCM", "SS_ROUTEANDQUEUE", "SS_ROUTENQUEUE",
    "SS_RTR", "SS_SIP", "SS_TEL", "SS_VB", "STEPS_CONTACT", "STEPS_DB", "STEPS_DOCUMENT", "STEPS_EMAIL",
    "STEPS_GENERAL", "STEPS_GRAMMAR", "STEPS_HTTP", "STEPS_ICM", "STEPS_IPCC_EXP", "STEPS_JAVA", "STEPS_PROMPT",
    "STEPS_SESSION", "STEP_CALL_CONTACT", "STEP_CALL_CONTROL", "STEP_MEDIA_CONTROL", "STEP_SESSION",
    "STEP_SESSION_MGMT", "STEP_USER", "SYSACC", "SYSAGENT", "SoapAPI", "TCD", "TFTP", "TVS", "UCCX_WEBSERVICES",
    "USR_MGR", "WEB_STEPS", "Xcp", "XcpCA", "XcpCM",
];

/// The label value of a facility: itself where it is known, with or without the prefix `UC_`; [`OTHER`] where not.
pub(super) fn label(facility: &str) -> &str {
    let bare = facility.strip_prefix("UC_").unwrap_or(facility);
    if KNOWN.binary_search(&bare).is_ok() { facility } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_in_byte_order_and_distinct() {
        assert!(KNOWN.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn only_known_facilities_become_labels() {
        assert_eq!(label("UC_LIB_LICENSE"), "UC_LIB_LICENSE");
        assert_eq!(label("LIB_LICENSE"), "LIB_LICENSE");
        assert_eq!(label("UC_RTMT"), "UC_RTMT");
        for hostile in ["", "UC_", "UC_UC_RTMT", "lib_license", "LIB_LICENSE\n", "CCBU_pool-21-thread-1", "<script>"] {
            assert_eq!(label(hostile), OTHER, "{hostile}");
        }
    }
}
