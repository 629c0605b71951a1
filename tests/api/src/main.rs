//! Prints the public interface that is in a file of rustdoc's JSON, one item a line: `coquad-api target/doc/coquad.json`.

use std::env;
use std::error::Error;

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args_os().nth(1).ok_or("which file of JSON?")?;
    // What the compiler implements by itself is checked by tests/it/auto_traits.rs.
    let list = Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    list.items().for_each(|item| println!("{item}"));
    Ok(())
}
