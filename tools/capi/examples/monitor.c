/*
 * Classifies the beats of a live signal. For research only: not a medical device.
 *
 *     monitor WEIGHTS.ecgw RATE LEAD... < samples.f32
 *
 * Standard input is 32-bit floats in mV, one of each lead in turn. Each beat is a line, two seconds after its R peak at most: its time, its class
 * and the probability; or `-` and the reason why the signal cannot be assessed.
 */
#include <efficientecg.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES 64

/* Prints what the stream has to tell. */
static int tell(ecg_classify_stream *stream, const ecg_model *model, float *probabilities, uint32_t classes,
                ecg_error *error) {
  ecg_event event;
  for (;;) {
    if (ecg_classify_stream_poll(stream, &event, probabilities, classes, error) != ECG_OK)
      return 0;
    if (event.kind == ECG_EVENT_NONE)
      return 1;
    if (event.kind == ECG_EVENT_SIGNAL)
      printf("%.3f signal %s\n", event.seconds, ecg_reason_text(event.reason));
    else if (event.class_index < 0)
      printf("%.3f - %s\n", event.seconds, ecg_reason_text(event.reason));
    else
      printf("%.3f %s %.9g\n", event.seconds, ecg_model_class(model, (uint32_t)event.class_index),
             probabilities[event.class_index]);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  ecg_options options = {.size = sizeof options, .threads = 1};
  ecg_error error;
  ecg_model_info info;
  ecg_model *model = NULL;
  ecg_classify_stream *stream = NULL;
  float *samples = NULL, *probabilities = NULL;
  int done = 2;

  if (argc < 4) {
    fprintf(stderr, "monitor WEIGHTS.ecgw RATE LEAD... < samples.f32\n");
    return 2;
  }
  size_t leads = (size_t)argc - 3;
  if (ecg_model_load(argv[1], &options, &model, &error) != ECG_OK ||
      ecg_model_describe(model, &info, &error) != ECG_OK ||
      ecg_classify_stream_open(model, (const char *const *)argv + 3, leads, atof(argv[2]), NULL, &stream, &error) !=
          ECG_OK)
    goto failed;
  samples = malloc(FRAMES * leads * sizeof(float));
  probabilities = malloc(info.classes * sizeof(float));
  if (samples == NULL || probabilities == NULL) {
    fprintf(stderr, "memory: expected more, found none left\n");
    goto end;
  }
  for (size_t got; (got = fread(samples, sizeof(float), FRAMES * leads, stdin)) > 0;)
    if (ecg_classify_stream_push(stream, samples, got, &error) != ECG_OK ||
        !tell(stream, model, probabilities, info.classes, &error))
      goto failed;
  if (ecg_classify_stream_finish(stream, &error) != ECG_OK || !tell(stream, model, probabilities, info.classes, &error))
    goto failed;
  done = 0;
  goto end;

failed:
  fprintf(stderr, "%s\n", error.message);
end:
  free(samples);
  free(probabilities);
  ecg_classify_stream_close(stream);
  ecg_model_free(model);
  return done;
}
