/*
 * EfficientECG: networks that classify electrocardiograms. For research only: not a medical device.
 *
 * A model is loaded once and shared by all threads. A session, and a stream, belong to one thread at a time. Memory for inputs and
 * results is the caller's. A function returns ECG_OK or the kind of error, and writes its text to the `ecg_error` that it is
 * given, which may be NULL. Pointers must be valid for the counts beside them; NULL is an error where nothing else is said. Arrays that are
 * written overlap no others. Texts, paths among them, are UTF-8 and end with a zero. Nothing is kept beside the handles: no global
 * state, no signal handlers. A handle holds what it needs, so a model may be freed before its sessions and streams.
 */

#ifndef EFFICIENTECG_H
#define EFFICIENTECG_H

/* Made by cbindgen of tools/capi/src. Change it there. */

#include <stddef.h>
#include <stdint.h>

/*
 The version of this header's structs and functions. It changes when a program has to be compiled again.
 */
#define ECG_ABI_VERSION 1

/*
 Bytes of an error's message, its final zero among them.
 */
#define ECG_MESSAGE 1020

/*
 Weights and products in f32.
 */
#define ECG_PRECISION_F32 0

/*
 Weights of the products in f16.
 */
#define ECG_PRECISION_F16 1

/*
 Products in bf16, where the processor has instructions for them; f32 elsewhere.
 */
#define ECG_PRECISION_BF16 2

/*
 One class a record: probabilities by softmax.
 */
#define ECG_TASK_MULTICLASS 0

/*
 Each class by itself: probabilities by sigmoid.
 */
#define ECG_TASK_MULTILABEL 1

/*
 `ecg_run` takes voltages in mV as they are.
 */
#define ECG_NORMALIZE_NONE 0

/*
 `ecg_run` takes, for each lead over the record, samples less their mean, by their population standard deviation plus 1e-6.
 */
#define ECG_NORMALIZE_ZSCORE 1

/*
 `ecg_run` takes, for each lead over the record, mV less their median.
 */
#define ECG_NORMALIZE_MEDIAN 2

/*
 One number a record, such as an age in years.
 */
#define ECG_FEATURE_CONTINUOUS 0

/*
 One of some categories, such as a sex.
 */
#define ECG_FEATURE_CATEGORICAL 1

/*
 Rows of numbers, one a beat, such as the rhythm.
 */
#define ECG_FEATURE_SEQUENCE 2

/*
 Events that may wait to be polled before a push is refused.
 */
#define ECG_EVENTS 4096

/*
 Nothing has happened.
 */
#define ECG_EVENT_NONE 0

/*
 A beat, with its class or the reason why it has none.
 */
#define ECG_EVENT_BEAT 1

/*
 From here on the signal cannot be assessed, or (with ECG_REASON_NONE) can again.
 */
#define ECG_EVENT_SIGNAL 2

/*
 The signal can be assessed.
 */
#define ECG_REASON_NONE 0

/*
 There is too little of it.
 */
#define ECG_REASON_SHORT 1

/*
 Samples are missing.
 */
#define ECG_REASON_MISSING 2

/*
 The signal is flat.
 */
#define ECG_REASON_FLAT 3

/*
 The signal is hardly larger than the steps of its samples.
 */
#define ECG_REASON_COARSE 4

/*
 The signal is clipped, or saturated.
 */
#define ECG_REASON_CLIPPED 5

/*
 Nothing in it is like a QRS complex.
 */
#define ECG_REASON_NO_QRS 6

/*
 There are beats of a shape that no QRS complex has.
 */
#define ECG_REASON_SHAPE 7

/*
 Mains hum covers the signal.
 */
#define ECG_REASON_HUM 8

/*
 Noise covers the signal.
 */
#define ECG_REASON_NOISE 9

/*
 Another reason.
 */
#define ECG_REASON_OTHER 10

/*
 Nothing is known of the patient's sex.
 */
#define ECG_SEX_UNKNOWN 0

/*
 Female.
 */
#define ECG_SEX_FEMALE 1

/*
 Male.
 */
#define ECG_SEX_MALE 2

/*
 Beats and their classes of a live signal. One thread at a time.
 */
typedef struct ecg_classify_stream ecg_classify_stream;

/*
 A network ready to run. Any number of threads may use it at once.
 */
typedef struct ecg_model ecg_model;

/*
 A model made ready for batches of one shape, with all the memory that runs take. One thread at a time.
 */
typedef struct ecg_session ecg_session;

/*
 What a function returns: ECG_OK or one of ECG_ERROR_...
 */
typedef int32_t ecg_status;

/*
 How a model is to run. Zeros are the defaults.
 */
typedef struct ecg_options {
  /*
   `sizeof(ecg_options)`.
   */
  uint32_t size;
  /*
   Threads, the caller among them: 0 for all that the process may use. With 1 none is started.
   */
  uint32_t threads;
  /*
   One of ECG_PRECISION_...
   */
  uint32_t precision;
  /*
   Zero.
   */
  uint32_t reserved;
  /*
   The instruction set by its name, such as "avx2" or "scalar"; NULL for the best that the processor has.
   */
  const char *level;
} ecg_options;

/*
 An error, in the caller's memory. After ECG_OK its message is empty.
 */
typedef struct ecg_error {
  /*
   What was returned.
   */
  ecg_status status;
  /*
   One line of UTF-8 that ends with a zero: the item, what was expected and found, and the fix.
   */
  char message[ECG_MESSAGE];
} ecg_error;

/*
 What a model is.
 */
typedef struct ecg_model_info {
  /*
   Leads that it takes.
   */
  uint32_t leads;
  /*
   Classes that it tells.
   */
  uint32_t classes;
  /*
   Features that it takes beside the signal.
   */
  uint32_t features;
  /*
   One of ECG_TASK_...
   */
  uint32_t task;
  /*
   One of ECG_NORMALIZE_...
   */
  uint32_t normalize;
  /*
   One of ECG_PRECISION_...: what it runs in.
   */
  uint32_t precision;
  /*
   Samples a lead that it was trained on; it runs on any number from 1 on.
   */
  uint64_t samples;
  /*
   Numbers that were trained.
   */
  uint64_t parameters;
  /*
   Samples a second that it expects.
   */
  double sample_rate;
} ecg_model_info;

/*
 What a feature is. Its texts are the model's, and live as long as it does.
 */
typedef struct ecg_feature_info {
  /*
   Its name.
   */
  const char *name;
  /*
   One of ECG_FEATURE_...
   */
  uint32_t kind;
  /*
   Numbers of a row of a sequence, categories of a categorical feature, else 1.
   */
  uint32_t width;
} ecg_feature_info;

/*
 The values of a feature for a batch, in the caller's memory; what its kind does not need is not looked at.
 */
typedef struct ecg_feature {
  /*
   Its name, as `ecg_model_feature` tells it.
   */
  const char *name;
  /*
   Of a continuous feature, [batch]: NaN is missing.
   */
  const double *numbers;
  /*
   Of a categorical feature, [batch]: a category by its place, -1 is missing.
   */
  const int32_t *categories;
  /*
   Of a sequence, [batch, steps, width] for the session's steps: rows past a record's steps are not read.
   */
  const float *rows;
  /*
   Of a sequence, [batch]: a record's rows, 0 is missing.
   */
  const uint32_t *steps;
} ecg_feature;

/*
 What is known of the patient.
 */
typedef struct ecg_patient {
  /*
   In years; NaN where it is unknown.
   */
  double age;
  /*
   One of ECG_SEX_...
   */
  uint32_t sex;
  /*
   Zero.
   */
  uint32_t reserved;
} ecg_patient;

/*
 What a stream tells.
 */
typedef struct ecg_event {
  /*
   One of ECG_EVENT_...
   */
  uint32_t kind;
  /*
   The beat's most probable class by its place; -1 where it could not be assessed, and where it is no beat.
   */
  int32_t class_index;
  /*
   One of ECG_REASON_...
   */
  uint32_t reason;
  /*
   Zero.
   */
  uint32_t reserved;
  /*
   The R peak's place in frames from the first sample on; of no beat, -1.
   */
  int64_t frame;
  /*
   The same in seconds; where the signal changed, when.
   */
  double seconds;
} ecg_event;

/*
 All is well.
 */
#define ECG_OK 0

/*
 An argument that cannot be: a null pointer, a wrong count, an unknown name.
 */
#define ECG_ERROR_ARGUMENT 1

/*
 A weight file is missing, malformed, or does not fit; or an option cannot be.
 */
#define ECG_ERROR_LOAD 2

/*
 Inputs that do not fit the network or the plan, in number or kind, or are not finite.
 */
#define ECG_ERROR_INPUT 3

/*
 A record's activations left the range of f32: the results are not to be used.
 */
#define ECG_ERROR_OVERFLOW 4

/*
 The run failed: no memory, or a defect of the library.
 */
#define ECG_ERROR_RUN 5

/*
 The model, leads or rate are not fit for a stream.
 */
#define ECG_ERROR_STREAM 6

/*
 Too many events wait to be polled; nothing was taken.
 */
#define ECG_ERROR_FULL 7

/*
 A defect of the library; its handle may still be freed, and no more.
 */
#define ECG_ERROR_PANIC 8

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The ABI's version that the library was built with; it must be ECG_ABI_VERSION.
 */
uint32_t ecg_abi_version(void);

/*
 The library's version, such as "0.1.0".
 */
const char *ecg_version(void);

/*
 Loads a file of packed weights, as `efficientecg pack` writes them; with the feature `npz` of the library also NumPy's files.
 `options` may be NULL. The file is not needed afterwards.
 */
ecg_status ecg_model_load(const char *path,
                          const struct ecg_options *options,
                          struct ecg_model **model,
                          struct ecg_error *error);

/*
 Loads weights that lie in memory, such as in the program itself; they are not needed afterwards.
 */
ecg_status ecg_model_load_from_memory(const void *bytes,
                                      size_t length,
                                      const struct ecg_options *options,
                                      struct ecg_model **model,
                                      struct ecg_error *error);

/*
 Frees a model; NULL is none. Its sessions and streams go on. Its texts are gone.
 */
void ecg_model_free(struct ecg_model *model);

/*
 Tells what a model is.
 */
ecg_status ecg_model_describe(const struct ecg_model *model, struct ecg_model_info *info, struct ecg_error *error);

/*
 Tells what a feature is, by its place from 0 on.
 */
ecg_status ecg_model_feature(const struct ecg_model *model,
                             uint32_t feature,
                             struct ecg_feature_info *info,
                             struct ecg_error *error);

/*
 The model's name, which lives as long as the model; NULL of none.
 */
const char *ecg_model_name(const struct ecg_model *model);

/*
 What it runs on, such as "cpu (avx512, 2 threads)".
 */
const char *ecg_model_device(const struct ecg_model *model);

/*
 A lead's name, by its place from 0 on; NULL where there is none. "*" is any ECG lead.
 */
const char *ecg_model_lead(const struct ecg_model *model, uint32_t lead);

/*
 A class's name, by its place from 0 on; NULL where there is none.
 */
const char *ecg_model_class(const struct ecg_model *model, uint32_t class_index);

/*
 The name of a category of a categorical feature; NULL where there is none.
 */
const char *ecg_model_category(const struct ecg_model *model, uint32_t feature, uint32_t category);

/*
 Plans runs of `batch` records of `samples` samples a lead, with sequences of at most `steps` rows (0 where there are none), and
 allocates what they take. The session shares the model's weights and threads.
 */
ecg_status ecg_plan(const struct ecg_model *model,
                    size_t batch,
                    size_t samples,
                    size_t steps,
                    struct ecg_session **session,
                    struct ecg_error *error);

/*
 Runs a batch. `signal` is [batch, leads, samples], normalised as `ecg_model_info.normalize` says; `logits` and `probabilities` are
 [batch, classes]. The counts are those of all values in an array. A feature that is not given is missing; of two of one name
 the last counts. Nothing is allocated, unless the run fails; the results then hold anything. The results of the same inputs are the
 same bits, on any number of threads.
 */
ecg_status ecg_run(struct ecg_session *session,
                   const float *signal,
                   size_t signal_count,
                   const struct ecg_feature *features,
                   size_t feature_count,
                   float *logits,
                   float *probabilities,
                   size_t result_count,
                   struct ecg_error *error);

/*
 Frees a session; NULL is none.
 */
void ecg_session_free(struct ecg_session *session);

/*
 A reason in a word, such as "noise"; "none" of ECG_REASON_NONE, "other" of an unknown number.
 */
const char *ecg_reason_text(uint32_t reason);

/*
 Opens a stream of these leads at `sample_rate` samples a second, 50 to 4000, for a model of beats. Leads are matched by name. To let one stand
 for another, name it as the model does. `patient` may be NULL.
 */
ecg_status ecg_classify_stream_open(const struct ecg_model *model,
                                    const char *const *leads,
                                    size_t lead_count,
                                    double sample_rate,
                                    const struct ecg_patient *patient,
                                    struct ecg_classify_stream **stream,
                                    struct ecg_error *error);

/*
 Takes samples in mV, one of each lead in turn, in the order in which they were named; NaN is missing. `count` counts single samples. What they tell
 waits to be polled: a beat two seconds after its R peak at most. Up to the last five minutes of the signal are kept, and memory does not grow
 beyond that.
 */
ecg_status ecg_classify_stream_push(struct ecg_classify_stream *stream,
                                    const float *samples,
                                    size_t count,
                                    struct ecg_error *error);

/*
 Says that no more samples come: tells the beats up to there.
 */
ecg_status ecg_classify_stream_finish(struct ecg_classify_stream *stream, struct ecg_error *error);

/*
 Takes the next event, ECG_EVENT_NONE where none waits. `probabilities` gets those of all `classes` classes of a beat, NaN where it has none; it may be
 NULL where `classes` is 0.
 */
ecg_status ecg_classify_stream_poll(struct ecg_classify_stream *stream,
                                    struct ecg_event *event,
                                    float *probabilities,
                                    size_t classes,
                                    struct ecg_error *error);

/*
 Frees a stream; NULL is none.
 */
void ecg_classify_stream_close(struct ecg_classify_stream *stream);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EFFICIENTECG_H */
