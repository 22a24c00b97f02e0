// Runs a network on a record, as run.c does: run WEIGHTS.ecgw SIGNAL.f32
#include <efficientecg.hpp>

#include <cstdio>
#include <fstream>
#include <vector>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "run WEIGHTS.ecgw SIGNAL.f32\n");
    return 2;
  }
  try {
    efficientecg::Model model(argv[1], 2);
    std::ifstream file(argv[2], std::ios::binary | std::ios::ate);
    if (!file) {
      std::fprintf(stderr, "%s: expected 32-bit floats, found no such file\n", argv[2]);
      return 2;
    }
    std::vector<float> signal(static_cast<std::size_t>(file.tellg()) / sizeof(float));
    file.seekg(0).read(reinterpret_cast<char *>(signal.data()), static_cast<std::streamsize>(signal.size() * sizeof(float)));
    efficientecg::Session session(model, 1, signal.size() / model.info().leads);
    session.run(signal.data(), signal.size());
    for (std::uint32_t i = 0; i < model.info().classes; i++)
      std::printf("%s %.9g %.9g\n", model.class_name(i).c_str(), session.logits()[i], session.probabilities()[i]);
  } catch (const efficientecg::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
