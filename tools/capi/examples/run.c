/*
 * Runs a network on a record: logits and probabilities of each class.
 *
 *     run WEIGHTS.ecgw SIGNAL.f32 [AGE [LEVEL]]
 *
 * SIGNAL holds [leads, samples] of 32-bit floats, normalised as the model asks for. The memory is all here: what `ecg_plan` allocates, and
 * what this program does. `ecg_run` allocates nothing.
 */
#include <efficientecg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The floats of a file; NULL if it cannot be read. */
static float *read_floats(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  float *values = NULL;
  long bytes = -1;
  if (file != NULL && fseek(file, 0, SEEK_END) == 0)
    bytes = ftell(file);
  if (bytes > 0 && fseek(file, 0, SEEK_SET) == 0)
    values = malloc((size_t)bytes);
  *count = bytes > 0 ? (size_t)bytes / sizeof(float) : 0;
  if (values != NULL && fread(values, sizeof(float), *count, file) != *count) {
    free(values);
    values = NULL;
  }
  if (file != NULL)
    fclose(file);
  return values;
}

int main(int argc, char **argv) {
  ecg_options options = {.size = sizeof options, .threads = 2};
  ecg_error error;
  ecg_model_info info;
  ecg_model *model = NULL;
  ecg_session *session = NULL;
  float *signal = NULL, *results = NULL;
  size_t count = 0;
  int done = 2;

  if (argc < 3 || argc > 5) {
    fprintf(stderr, "run WEIGHTS.ecgw SIGNAL.f32 [AGE [LEVEL]]\n");
    return 2;
  }
  if (ecg_abi_version() != ECG_ABI_VERSION) {
    fprintf(stderr, "the library is of another version: compile this program again\n");
    return 2;
  }
  if (argc > 4)
    options.level = argv[4];
  if (ecg_model_load(argv[1], &options, &model, &error) != ECG_OK)
    goto failed;
  if (ecg_model_describe(model, &info, &error) != ECG_OK)
    goto failed;
  signal = read_floats(argv[2], &count);
  if (signal == NULL || count % info.leads != 0) {
    fprintf(stderr, "%s: expected 32-bit floats of %u leads\n", argv[2], info.leads);
    goto end;
  }
  results = malloc(2 * info.classes * sizeof(float));
  if (results == NULL) {
    fprintf(stderr, "memory: expected more, found none left\n");
    goto end;
  }
  if (ecg_plan(model, 1, count / info.leads, 0, &session, &error) != ECG_OK)
    goto failed;

  double age = argc > 3 ? atof(argv[3]) : 0;
  ecg_feature feature = {.name = "age", .numbers = &age};
  float *probabilities = results + info.classes;
  /* Twice: a second run has the memory of the first. */
  for (int i = 0; i < 2; i++)
    if (ecg_run(session, signal, count, &feature, argc > 3 ? 1 : 0, results, probabilities, info.classes, &error) !=
        ECG_OK)
      goto failed;
  for (uint32_t i = 0; i < info.classes; i++)
    printf("%s %.9g %.9g\n", ecg_model_class(model, i), results[i], probabilities[i]);
  done = 0;
  goto end;

failed:
  fprintf(stderr, "%s\n", error.message);
end:
  free(signal);
  free(results);
  ecg_session_free(session);
  ecg_model_free(model);
  return done;
}
