//! The variables that Kubernetes gives to every pod for each Service, to be told apart from ours.
//!
//! A Service called `kedge` injects `KEDGE_SERVICE_HOST` and the like; refusing them would keep the pod from starting.

/// Whether Kubernetes made the variable, for a Service called `kedge` or `kedge-…`.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    // Two underscores mark a setting of ours.
    if name.contains("__") {
        return false;
    }
    if name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return true;
    }
    // `KEDGE_PORT=9000` is an operator's mistake, `KEDGE_PORT=tcp://10.0.0.1:8228` is not.
    if name.ends_with("_PORT") && value.contains("://") {
        return true;
    }
    name.match_indices("_PORT_").any(|(at, found)| name.get(at + found.len()..).is_some_and(is_port_of_service))
}

/// `<number>_<protocol>`, with or without a part after it.
fn is_port_of_service(text: &str) -> bool {
    let mut parts = text.split('_');
    let is_number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
    is_number && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
}

#[cfg(test)]
mod tests {
    use super::is_service_link;

    #[test]
    fn links_of_services_called_kedge_are_recognised() {
        for (name, value) in [
            ("KEDGE_SERVICE_HOST", "10.0.0.1"),
            ("KEDGE_SERVICE_PORT", "8228"),
            ("KEDGE_SERVICE_PORT_HTTP", "8228"),
            ("KEDGE_PORT", "tcp://10.0.0.1:8228"),
            ("KEDGE_PORT_8228_TCP", "tcp://10.0.0.1:8228"),
            ("KEDGE_PORT_8228_TCP_PROTO", "tcp"),
            ("KEDGE_PORT_8228_TCP_PORT", "8228"),
            ("KEDGE_PORT_8228_TCP_ADDR", "10.0.0.1"),
            ("KEDGE_POSTGRES_SERVICE_HOST", "10.0.0.2"),
            ("KEDGE_POSTGRES_PORT_5432_TCP_ADDR", "10.0.0.2"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
    }

    #[test]
    fn mistaken_setting_is_not_taken_for_a_link() {
        for name in [
            "KEDGE_PORT",
            "KEDGE_PORT_HTTP",
            "KEDGE_PORT_99999_TCP",
            "KEDGE_SERVER__PORT",
            "KEDGE_SERVER__SERVICE_PORT",
        ] {
            assert!(!is_service_link(name, "9000"), "{name}");
        }
    }
}
