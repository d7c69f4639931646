//! HTTP/2 frames by hand, for peers that stop in the middle of one (RFC 9113 §4.1, RFC 7541).

/// HEADERS, and the flag that its block is whole.
pub(crate) const HEADERS: (u8, u8) = (0x1, 0x4);
/// DATA that is not the last.
pub(crate) const DATA: (u8, u8) = (0x0, 0x0);
const SETTINGS: (u8, u8) = (0x4, 0x0);

/// The preface and empty SETTINGS: what every client begins with.
pub(crate) fn h2_greeting() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(h2_frame(SETTINGS, 0, &[]));
    bytes
}

/// A frame of a kind, with its flags.
pub(crate) fn h2_frame((kind, flags): (u8, u8), stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The header block of a call, each field spelt out.
pub(crate) fn call_headers(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "vestibule"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            // Longer ones have another form.
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}
