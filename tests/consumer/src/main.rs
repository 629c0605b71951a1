//! What a user types, on every runtime that is promised, with the same bits from each.

mod evaluators;
mod runtimes;
mod snippets;

fn main() -> Result<(), snippets::Failure> {
    let checks = runtimes::run_all()?;
    snippets::run_blocking()?;
    println!("consumer: {checks} answers on {} runtimes, all the same bits", runtimes::COUNT);
    Ok(())
}
