// EfficientECG for C++17: what efficientecg.h declares, with handles that free themselves and errors that are thrown.
#ifndef EFFICIENTECG_HPP
#define EFFICIENTECG_HPP

#include "efficientecg.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace efficientecg {

/// What a function failed with: `what()` is its one line.
class Error : public std::runtime_error {
public:
  explicit Error(const ecg_error &error) : std::runtime_error(error.message), status(error.status) {}
  /// One of ECG_ERROR_...
  ecg_status status;
};

namespace detail {
template <typename Call> void check(Call call) {
  ecg_error error;
  if (call(&error) != ECG_OK)
    throw Error(error);
}
template <typename T, void (*Free)(T *)> struct Deleter {
  void operator()(T *handle) const { Free(handle); }
};
} // namespace detail

/// A network ready to run; any number of threads may use it at once.
class Model {
public:
  /// Loads a file of packed weights; with 0 threads on all that the process may use.
  explicit Model(const std::string &path, std::uint32_t threads = 0) {
    ecg_options options{};
    options.size = sizeof options;
    options.threads = threads;
    ecg_model *handle = nullptr;
    detail::check([&](ecg_error *error) { return ecg_model_load(path.c_str(), &options, &handle, error); });
    handle_.reset(handle);
    detail::check([&](ecg_error *error) { return ecg_model_describe(handle, &info_, error); });
  }
  /// What it is.
  const ecg_model_info &info() const { return info_; }
  /// A class's name.
  std::string class_name(std::uint32_t place) const {
    const char *name = ecg_model_class(handle_.get(), place);
    return name ? name : "";
  }
  /// The handle, for the functions of efficientecg.h.
  const ecg_model *get() const { return handle_.get(); }

private:
  std::unique_ptr<ecg_model, detail::Deleter<ecg_model, ecg_model_free>> handle_;
  ecg_model_info info_{};
};

/// A model made ready for batches of one shape. `run` allocates nothing.
class Session {
public:
  Session(const Model &model, std::size_t batch, std::size_t samples, std::size_t steps = 0) {
    ecg_session *handle = nullptr;
    detail::check(
        [&](ecg_error *error) { return ecg_plan(model.get(), batch, samples, steps, &handle, error); });
    handle_.reset(handle);
    logits_.resize(batch * model.info().classes);
    probabilities_.resize(logits_.size());
  }
  /// Runs a batch: [batch, leads, samples].
  void run(const float *signal, std::size_t count, const ecg_feature *features = nullptr, std::size_t features_count = 0) {
    detail::check([&](ecg_error *error) {
      return ecg_run(handle_.get(), signal, count, features, features_count, logits_.data(), probabilities_.data(),
                     logits_.size(), error);
    });
  }
  /// [batch, classes], of the last run.
  const std::vector<float> &logits() const { return logits_; }
  /// [batch, classes], of the last run.
  const std::vector<float> &probabilities() const { return probabilities_; }

private:
  std::unique_ptr<ecg_session, detail::Deleter<ecg_session, ecg_session_free>> handle_;
  std::vector<float> logits_, probabilities_;
};

/// Beats and their classes of a live signal.
class Stream {
public:
  Stream(const Model &model, const std::vector<std::string> &leads, double sample_rate,
         const ecg_patient *patient = nullptr) {
    std::vector<const char *> names;
    for (const std::string &lead : leads)
      names.push_back(lead.c_str());
    ecg_classify_stream *handle = nullptr;
    detail::check([&](ecg_error *error) {
      return ecg_classify_stream_open(model.get(), names.data(), names.size(), sample_rate, patient, &handle, error);
    });
    handle_.reset(handle);
  }
  /// Takes samples in mV, one of each lead in turn.
  void push(const float *samples, std::size_t count) {
    detail::check(
        [&](ecg_error *error) { return ecg_classify_stream_push(handle_.get(), samples, count, error); });
  }
  /// Says that no more samples come.
  void finish() {
    detail::check([&](ecg_error *error) { return ecg_classify_stream_finish(handle_.get(), error); });
  }
  /// Takes the next event; false where none waits. `probabilities` may be null where `classes` is 0.
  bool poll(ecg_event &event, float *probabilities = nullptr, std::size_t classes = 0) {
    detail::check([&](ecg_error *error) {
      return ecg_classify_stream_poll(handle_.get(), &event, probabilities, classes, error);
    });
    return event.kind != ECG_EVENT_NONE;
  }

private:
  std::unique_ptr<ecg_classify_stream, detail::Deleter<ecg_classify_stream, ecg_classify_stream_close>> handle_;
};

} // namespace efficientecg

#endif
