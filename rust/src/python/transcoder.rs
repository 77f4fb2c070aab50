//! The API's encoding: [`crate::protobuf`].

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::protobuf;

/// A message as Python spells it: number, name, kind, repeated, inner message, keys of a map.
struct MessageFields(protobuf::Message);

impl<'py> FromPyObject<'_, 'py> for MessageFields {
    type Error = PyErr;

    fn extract(fields: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let field = |item: PyResult<Bound<'py, PyAny>>| {
            let (number, name, word, is_repeated, inner, keys): (
                u32,
                String,
                String,
                bool,
                Self,
                Vec<String>,
            ) = item?.extract()?;
            let kind = match word.as_str() {
                "str" => protobuf::Kind::Text,
                "int" => protobuf::Kind::Number,
                "bool" => protobuf::Kind::Truth,
                "dict" => protobuf::Kind::Message(inner.0),
                "set" => protobuf::Kind::Map(keys),
                _ => return Err(PyValueError::new_err("a kind of field that is none")),
            };
            Ok(protobuf::Field { number, name, kind, is_repeated })
        };
        Ok(Self(fields.try_iter()?.map(field).collect::<PyResult<_>>()?))
    }
}

/// Turns the frames of one kind's watch into lines of JSON.
#[pyclass(frozen, module = "podname._core")]
pub struct Transcoder(protobuf::Transcoder);

#[pymethods]
impl Transcoder {
    #[new]
    fn new(message: MessageFields, status: MessageFields) -> PyResult<Self> {
        let made = protobuf::Transcoder::new(message.0, status.0);
        Ok(Self(made.map_err(PyValueError::new_err)?))
    }

    fn lines<'py>(
        &self,
        py: Python<'py>,
        octets: &[u8],
    ) -> PyResult<(Vec<Bound<'py, PyBytes>>, usize)> {
        let mut lines = Vec::new();
        let taken = self.0.lines(octets, |line| lines.push(PyBytes::new(py, line)));
        Ok((lines, taken.map_err(PyValueError::new_err)?))
    }
}
