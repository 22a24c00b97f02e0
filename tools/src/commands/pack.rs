//! `efficientecg pack`: a network's weights in one flat file, for programs that read no NumPy files.

use crate::args::Pack;
use crate::error::Failure;
use crate::out;
use efficientecg::packed;

pub(crate) fn run(args: &Pack) -> Result<(), Failure> {
    let weights = args.network.weights()?;
    let bytes = packed::pack(&weights, args.precision())?;
    if out::is_standard_output(&args.output) {
        return Ok(out::bytes(&bytes)?);
    }
    out::file(&args.output, &bytes)?;
    out::text(&format!("{}: {} bytes\n", args.output.display(), bytes.len()))?;
    Ok(())
}
