//! Kubernetes sets variables for every Service of a namespace; one called `vestibule` or
//! `vestibule-grpc` leads to names that begin like the variables of keys and must be ignored.

/// Whether the part of a name after `VESTIBULE_` is one of Kubernetes' service links:
/// `^(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`
pub(super) fn is_service_link(name: &str) -> bool {
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.chars().all(word)
        && std::iter::once(name)
            .chain(
                name.match_indices('_')
                    .filter(|(at, _)| *at > 0)
                    .map(|(at, _)| &name[at + 1..]),
            )
            .any(is_link)
}

fn is_link(name: &str) -> bool {
    if name == "SERVICE_HOST" || name == "SERVICE_PORT" || name == "PORT" {
        return true;
    }
    if let Some(port_name) = name.strip_prefix("SERVICE_PORT_") {
        return !port_name.is_empty();
    }
    let mut parts = name.split('_');
    parts.next() == Some("PORT")
        && parts
            .next()
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
        && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::is_service_link;

    #[test]
    fn the_variables_of_services_named_like_this_one_are_links() {
        for name in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_GRPC",
            "PORT",
            "PORT_50051_TCP",
            "PORT_50051_TCP_PROTO",
            "PORT_50051_TCP_PORT",
            "PORT_50051_TCP_ADDR",
            "GRPC_SERVICE_HOST",
            "GRPC_SERVICE_PORT_GRPC_WEB",
            "GRPC_PORT",
            "GRPC_PORT_50051_TCP_ADDR",
            "A_B_PORT_53_UDP",
        ] {
            assert!(is_service_link(name), "{name}");
        }
    }

    #[test]
    fn keys_and_slips_are_not_links() {
        for name in [
            "",
            "GRPC_LISTEN",
            "_PORT",
            "SERVICE_PORT_",
            "PORT_TCP",
            "PORT_X_TCP",
            "PORT_1_TCP_HOST",
            "PORT_1_TCP_ADDR_X",
            "SUPPORT",
            "GRPC-PORT",
        ] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
