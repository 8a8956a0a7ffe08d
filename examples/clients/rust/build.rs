//! Generates the stubs from the protos, with a compiler that is a crate: no protoc has to be
//! installed.

use std::error::Error;

const PROTOS: &str = "../../../protos";
/// And all that they import. The payloads of events are in an Any, and so in no service's imports.
const FILES: [&str; 5] = [
    "foldlog/v1/event_service.proto",
    "foldlog/v1/request_service.proto",
    "foldlog/orders/v1/command_service.proto",
    "foldlog/orders/v1/events.proto",
    "foldlog/orders/v1/query_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    // Without comments: rustdoc would take indented text in them for Rust code.
    let descriptors = protox::Compiler::new([PROTOS])?
        .include_imports(true)
        .open_files(FILES)?
        .file_descriptor_set();
    let mut config = tonic_prost_build::Config::new();
    config
        .enable_type_names() // to find out what an Any contains
        .include_file("protos.rs"); // modules as the packages are
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
