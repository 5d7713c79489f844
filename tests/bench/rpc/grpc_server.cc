// SPDX-License-Identifier: MIT
// grpc-server sync|callback|async FOLDER: the same method on gRPC's three kinds of server. Says
// "ready PORT"; ends on SIGTERM.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"

namespace
{

using grpc::ServerCompletionQueue;
using grpc::Status;
using hallmark::v1::Bench;
using hallmark::v1::EchoRequest;
using hallmark::v1::EchoResponse;

constexpr int queues = 2, waiting_per_queue = 64;

std::string read_file(const std::string &path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class Sync final : public Bench::Service
{
    Status Echo(grpc::ServerContext *, const EchoRequest *in, EchoResponse *out) override
    {
        out->set_data(in->data());
        return Status::OK;
    }
};

class Callback final : public Bench::CallbackService
{
    grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const EchoRequest *in,
                                   EchoResponse *out) override
    {
        out->set_data(in->data());
        auto *reactor = context->DefaultReactor();
        reactor->Finish(Status::OK);
        return reactor;
    }
};

// One place for a call on a completion queue: waits, answers, and makes room for the next.
class Place
{
  public:
    Place(Bench::AsyncService *service, ServerCompletionQueue *queue)
        : service_(service), queue_(queue), writer_(&context_)
    {
        service_->RequestEcho(&context_, &in_, &writer_, queue_, queue_, this);
    }
    void proceed()
    {
        if (answered_) {
            delete this;
            return;
        }
        new Place(service_, queue_);
        out_.set_data(in_.data());
        answered_ = true;
        writer_.Finish(out_, Status::OK, this);
    }

  private:
    Bench::AsyncService *service_;
    ServerCompletionQueue *queue_;
    grpc::ServerContext context_;
    EchoRequest in_;
    EchoResponse out_;
    grpc::ServerAsyncResponseWriter<EchoResponse> writer_;
    bool answered_ = false;
};

void drive(ServerCompletionQueue *queue)
{
    void *tag;
    bool ok;
    while (queue->Next(&tag, &ok)) {
        auto *place = static_cast<Place *>(tag);
        if (ok)
            place->proceed();
        else
            delete place;
    }
}

void wait_for_stop(const sigset_t &stop)
{
    int signal;
    while (sigwait(&stop, &signal) != 0)
        ;
}

} // namespace

int main(int argc, char **argv)
{
    std::string kind = argc == 3 ? argv[1] : "";
    if (kind != "sync" && kind != "callback" && kind != "async") {
        std::fprintf(stderr, "usage: grpc-server sync|callback|async FOLDER\n");
        return 64;
    }
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);

    std::string folder = argv[2];
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = read_file(folder + "/root.pem");
    tls.pem_key_cert_pairs.push_back(
        { read_file(folder + "/server.key"), read_file(folder + "/server.pem") });

    Sync sync;
    Callback callback;
    Bench::AsyncService async;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    std::vector<std::unique_ptr<ServerCompletionQueue>> queue;
    if (kind == "sync")
        builder.RegisterService(&sync);
    else if (kind == "callback")
        builder.RegisterService(&callback);
    else
        builder.RegisterService(&async);
    for (int i = 0; kind == "async" && i < queues; i++)
        queue.push_back(builder.AddCompletionQueue());
    auto server = builder.BuildAndStart();
    if (server == nullptr)
        return 1;
    std::vector<std::thread> threads;
    for (auto &q : queue) {
        for (int i = 0; i < waiting_per_queue; i++)
            new Place(&async, q.get());
        threads.emplace_back(drive, q.get());
    }
    std::printf("ready %d\n", port);
    std::fflush(stdout);
    wait_for_stop(stop);
    server->Shutdown(std::chrono::system_clock::now());
    for (auto &q : queue)
        q->Shutdown();
    for (auto &t : threads)
        t.join();
    return 0;
}
